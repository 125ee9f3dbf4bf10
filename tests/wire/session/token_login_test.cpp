// Logins by token: what the node is asked instead, what it never sees, and how long such a session lives.
#include "binary_content.hpp"
#include "portal_fixture.hpp"
#include "resp/reply_writer.hpp"
#include "tests/unit/identity/token_maker.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace portal::testing {
namespace {

using identity::Algorithm;
using identity::testing::key_set;
using identity::testing::SigningKey;
using Clock = std::chrono::system_clock;
using Words = std::vector<std::string>;

constexpr const char* kWrongPass = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
constexpr const char* kSecret = "the-portals-own-password";

template <typename... Parts>
std::string request(const Parts&... parts) {
    std::string frame;
    resp::write_request(frame, parts...);
    return frame;
}

class TokenLoginTest : public PortalTest {
  protected:
    TokenLoginTest() {
        config::Identity& identity = config_.identity.emplace();
        identity.grace = std::chrono::milliseconds(0);
        identity.issuers = {{.name = "main", .issuer = "https://i", .audience = "redis"}};
        identity.issuers[0].keys = key_set(key().jwk());
        identity.issuers[0].leeway = std::chrono::milliseconds(0);
        identity.users = {{.name = "app", .password = kSecret}, {.name = "other", .password = "other-password"}};
        identity.rules = {{.when = {{"sub", {"alice"}}}, .user = "app"}, {.when = {{"sub", {"bob"}}}, .user = "other"}};
    }
    static SigningKey& key() {
        static SigningKey key(Algorithm::eddsa, "k");
        return key;
    }
    static std::string token(double seconds = 600, const std::string& subject = "alice") {
        const double now = std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
        return key().token(R"({"iss":"https://i","aud":"redis","sub":")" + subject + R"(","exp":)" +
                           std::to_string(now + seconds) + "}");
    }
    /// Takes the logins of the portal's own users, and of one with a password.
    static std::string honest(const Words& words) {
        if (words[0] != "AUTH") {
            return words[0] == "GET" ? "$1\r\nv\r\n" : "+OK\r\n";
        }
        const bool good = words.size() == 3 && ((words[1] == "app" && (words[2] == kSecret || words[2] == "renewed")) ||
                                                (words[1] == "other" && words[2] == "other-password") ||
                                                (words[1] == "plain" && words[2] == "password"));
        return good ? "+OK\r\n" : kWrongPass;
    }
    static std::size_t count(const FakeNode& node, const std::string& command) {
        const Words seen = node.seen();
        return static_cast<std::size_t>(std::ranges::count(seen, command));
    }
    static bool saw_token(const FakeNode& node) {
        return std::ranges::any_of(node.seen(), [](const auto& each) { return each.find("eyJ") != std::string::npos; });
    }
    /// An error, then the end.
    static void expect_end(const TestClient& client, const std::string& error) {
        const std::string line = client.line();
        EXPECT_TRUE(line.starts_with("-NOAUTH")) << line;
        EXPECT_NE(line.find(error), std::string::npos) << line;
        EXPECT_TRUE(client.closed());
    }
};

TEST_F(TokenLoginTest, TheNodeIsAskedForTheUserAndNeverSeesTheToken) {
    FakeNode node(honest);
    lead(node);
    const auto app = client();
    app->expect(request("AUTH", "whoever", token()), "+OK\r\n");
    app->expect("GET a\r\n", "$1\r\nv\r\n");
    EXPECT_EQ(node.seen(), (Words{"AUTH app " + std::string(kSecret), "AUTH app " + std::string(kSecret), "GET a"}));
    const auto alone = client();
    alone->expect(request("AUTH", token()), "+OK\r\n");
    EXPECT_FALSE(saw_token(node));
}

TEST_F(TokenLoginTest, HelloTakesATokenToo) {
    FakeNode node(honest);
    lead(node);
    const auto app = client();
    app->send(request("HELLO", "3", "AUTH", "default", token(), "SETNAME", "cart"));
    EXPECT_EQ(app->line(), "%7\r\n");
    app->send("PING\r\n");
    const auto bad = client();
    bad->expect(request("HELLO", "3", "AUTH", "default", token(600, "eve")), kWrongPass);
    EXPECT_FALSE(saw_token(node));
}

TEST_F(TokenLoginTest, WhatIsRefusedGetsRedissWordsAndNeverReachesTheNode) {
    FakeNode node(honest);
    lead(node);
    const auto app = client();
    const SigningKey stranger(Algorithm::eddsa, "k");
    std::string other_end = token();
    other_end.back() = other_end.back() == 'A' ? 'Q' : 'A';
    for (const std::string& bad :
         {token(-1), token(600, "eve"), other_end, stranger.token(R"({"iss":"https://i","sub":"alice"})"),
          "eyJ" + std::string(9000, 'a') + ".b.c", std::string("eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2kifQ.")}) {
        app->expect(request("AUTH", "app", bad), kWrongPass);
    }
    EXPECT_EQ(node.seen(), Words{});
    app->expect(request("AUTH", "a", "b", token()), "-ERR syntax error\r\n");
}

TEST_F(TokenLoginTest, EverythingElseIsJudgedByTheNode) {
    FakeNode node(honest);
    lead(node);
    const auto app = client();
    const std::string foreign = key().token(R"({"iss":"https://elsewhere","sub":"alice"})");
    app->expect(request("AUTH", "plain", foreign), kWrongPass);
    app->expect(request("AUTH", "plain", "password"), "+OK\r\n");
    EXPECT_EQ(node.seen(), (Words{"AUTH plain " + foreign, "AUTH plain password"}));
    config_.identity.reset();
    reload();
    in_one_turn([] {});  // it has been taken over
    const std::string good = token();
    app->expect(request("AUTH", "plain", good), kWrongPass);
    EXPECT_EQ(node.seen().back(), "AUTH plain " + good);
}

TEST_F(TokenLoginTest, AUserThatTheNodeDoesNotTakeIsRefused) {
    FakeNode node([](const Words& words) { return words[0] == "AUTH" ? std::string(kWrongPass) : "+OK\r\n"; });
    lead(node);
    client()->expect(request("AUTH", "app", token()), kWrongPass);
    EXPECT_FALSE(saw_token(node));
}

TEST_F(TokenLoginTest, LinksAreSharedOnlyByThoseWhoHaveLoggedInInTheSameWay) {
    FakeNode node(honest);
    lead(node);
    const auto first = client();
    const auto second = client();
    const auto password = client();
    const auto again = client();
    const std::string login = "AUTH app " + std::string(kSecret);
    first->expect(request("AUTH", "x", token()), "+OK\r\n");
    first->expect("GET a\r\n", "$1\r\nv\r\n");
    EXPECT_EQ(count(node, login), 2U);  // asked, and on the link
    second->expect(request("AUTH", "x", token(500)), "+OK\r\n");
    second->expect("GET a\r\n", "$1\r\nv\r\n");
    EXPECT_EQ(count(node, login), 3U);  // the same link
    password->expect(request("AUTH", "app", kSecret), "+OK\r\n");
    password->expect("GET a\r\n", "$1\r\nv\r\n");
    EXPECT_EQ(count(node, login), 5U);  // a link of its own
    again->expect(request("AUTH", "x", token()), "+OK\r\n");
    again->expect("GET a\r\n", "$1\r\nv\r\n");
    EXPECT_EQ(count(node, login), 6U);
}

TEST_F(TokenLoginTest, ASessionEndsWithItsToken) {
    FakeNode node(honest);
    lead(node);
    const auto app = client();
    const auto plain = client();
    plain->expect(request("AUTH", "plain", "password"), "+OK\r\n");
    const auto began = Clock::now();
    app->expect(request("AUTH", "x", token(1)), "+OK\r\n");
    app->expect("GET a\r\n", "$1\r\nv\r\n");
    expect_end(*app, "has ended");
    EXPECT_LT(Clock::now() - began, std::chrono::milliseconds(2000));
    EXPECT_GE(Clock::now() - began, std::chrono::milliseconds(990));
    EXPECT_EQ(at(counters().client_connections_closed, observe::Closed::token).get(), 1U);
    plain->expect("GET a\r\n", "$1\r\nv\r\n");
}

TEST_F(TokenLoginTest, ASessionGoesOnForTheGraceAndForAsLongAsItsTokenIsRenewed) {
    config_.identity->grace = std::chrono::milliseconds(1000);
    FakeNode node(honest);
    lead(node);
    const auto app = client();
    app->expect(request("AUTH", "x", token(0.4)), "+OK\r\n");
    for (int i = 0; i < 4; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(600));
        app->expect("GET a\r\n", "$1\r\nv\r\n");
        app->expect(request("AUTH", "x", token(0.4)), "+OK\r\n");
    }
    app->expect(request("AUTH", "x", token(-0.1)), kWrongPass);  // changes nothing
    app->expect("GET a\r\n", "$1\r\nv\r\n");
    app->expect(request("AUTH", "plain", "password"), "+OK\r\n");  // no token any more
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    app->expect("GET a\r\n", "$1\r\nv\r\n");
}

TEST_F(TokenLoginTest, WhatIsOnItsWayIsAnsweredBeforeTheEnd) {
    FakeNode node([](const Words& words) {
        if (words[0] == "GET") {
            std::this_thread::sleep_for(std::chrono::milliseconds(1300));
        }
        return honest(words);
    });
    lead(node);
    const auto app = client();
    app->expect(request("AUTH", "x", token(1)), "+OK\r\n");
    app->send("GET a\r\n");
    app->expect("$1\r\nv\r\n");
    expect_end(*app, "has ended");
}

TEST_F(TokenLoginTest, WhoIsBlockedOrSubscribedEndsToo) {
    FakeNode node([](const Words& words) -> std::string {
        if (words[0] == "BLPOP") {
            return FakeNode::kBlock;
        }
        return words[0] == "SUBSCRIBE" ? "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n" : honest(words);
    });
    lead(node);
    const auto blocked = client();
    const auto subscribed = client();
    blocked->expect(request("AUTH", "x", token(1)), "+OK\r\n");
    subscribed->expect(request("AUTH", "x", token(1)), "+OK\r\n");
    blocked->send("BLPOP a 0\r\n");
    subscribed->expect("SUBSCRIBE c\r\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    EXPECT_TRUE(blocked->closed());
    expect_end(*subscribed, "has ended");
}

TEST_F(TokenLoginTest, InsideATransactionALoginIsQueuedAsAnyOther) {
    FakeNode node([](const Words& words) -> std::string {
        static int depth = 0;
        if (words[0] == "MULTI") {
            depth = 1;
            return "+OK\r\n";
        }
        if (words[0] == "EXEC") {
            depth = 0;
            return "*2\r\n+OK\r\n$1\r\nv\r\n";
        }
        return depth > 0 && (words[0] == "GET" || words[0] == "AUTH") && words.size() > 1 ? "+QUEUED\r\n"
                                                                                          : honest(words);
    });
    lead(node);
    const auto app = client();
    app->expect(request("AUTH", "x", token(600, "bob")), "+OK\r\n");
    app->expect("MULTI\r\n", "+OK\r\n");
    app->expect(request("AUTH", "x", token(3)), "+QUEUED\r\n");
    app->expect("GET a\r\n", "+QUEUED\r\n");
    app->expect("EXEC\r\n", "*2\r\n+OK\r\n$1\r\nv\r\n");
    EXPECT_EQ(count(node, "AUTH app " + std::string(kSecret)), 1U);
    EXPECT_FALSE(saw_token(node));
    expect_end(*app, "has ended");  // by the token of that login
}

class QueuedTokenTest : public TokenLoginTest {
  protected:
    /// Queues what is asked, and runs it at EXEC.
    static FakeNode::Script queueing() {
        return [open = std::make_shared<bool>(false)](const Words& words) -> std::string {
            if (words[0] == "MULTI" || words[0] == "DISCARD") {
                *open = words[0] == "MULTI";
                return "+OK\r\n";
            }
            if (words[0] == "EXEC") {
                *open = false;
                std::this_thread::sleep_for(std::chrono::milliseconds(300));
                return "*1\r\n+OK\r\n";
            }
            return *open && words[0] == "AUTH" && words.size() == 3 && words[1] == "app" ? "+QUEUED\r\n"
                                                                                         : honest(words);
        };
    }
    std::unique_ptr<TestClient> queue(const FakeNode& node, double seconds) {
        lead(node);
        auto app = client();
        app->expect(request("AUTH", "x", token(600, "bob")), "+OK\r\n");
        app->expect("MULTI\r\n", "+OK\r\n");
        app->expect(request("AUTH", "x", token(seconds)), "+QUEUED\r\n");
        return app;
    }
    static constexpr const char* kAbort = "-EXECABORT Transaction discarded because of previous errors.\r\n";
};

TEST_F(QueuedTokenTest, ThatHasEndedByExecLogsNobodyIn) {
    FakeNode node(queueing());
    const auto app = queue(node, 0.3);
    std::this_thread::sleep_for(std::chrono::milliseconds(400));  // what is tested is the passing of time
    app->expect("EXEC\r\nGET a\r\n", std::string(kAbort) + "$1\r\nv\r\n");
    EXPECT_EQ(count(node, "EXEC"), 0U);
    EXPECT_EQ(count(node, "AUTH app " + std::string(kSecret)), 1U) << "queued, and on no link";
}

TEST_F(QueuedTokenTest, WhoseRuleIsGoneByExecLogsNobodyIn) {
    FakeNode node(queueing());
    const auto app = queue(node, 600);
    config_.identity->rules.erase(config_.identity->rules.begin());
    reload();
    in_one_turn([] {});
    app->expect("EXEC\r\nGET a\r\n", std::string(kAbort) + "$1\r\nv\r\n");
    EXPECT_EQ(count(node, "EXEC"), 0U);
}

TEST_F(QueuedTokenTest, ThatEndsWhileExecIsOnItsWayHasNothingTakenBehindIt) {
    FakeNode node(queueing());
    const auto app = queue(node, 0.2);
    app->send("EXEC\r\nGET a\r\nSET a b\r\n");
    EXPECT_EQ(app->line(), "*1\r\n");
    EXPECT_EQ(app->line(), "+OK\r\n");
    EXPECT_TRUE(app->closed());
    EXPECT_EQ(count(node, "GET a"), 0U);
    EXPECT_EQ(count(node, "SET a b"), 0U);
}

TEST_F(TokenLoginTest, TheLoginThatSelectedTheDatabaseGoesOnByANewPasswordToo) {
    FakeNode node(honest);
    lead(node);
    const auto app = client();
    app->expect(request("AUTH", "x", token()), "+OK\r\n");
    app->expect("SELECT 5\r\n", "+OK\r\n");
    app->expect(request("AUTH", "x", token(600, "bob")), "+OK\r\n");
    config_.identity->users[0].password = "renewed";
    reload();
    in_one_turn([] {});
    app->expect("WATCH a\r\n", "+OK\r\n");  // on a connection of its own
    EXPECT_EQ(count(node, "AUTH app renewed"), 1U);
}

TEST_F(TokenLoginTest, ARefusedTokenInsideATransactionAbortsIt) {
    FakeNode node([](const Words& words) -> std::string {
        return words[0] == "DISCARD" || words[0] == "MULTI" ? "+OK\r\n" : honest(words);
    });
    lead(node);
    const auto app = client();
    app->expect(request("AUTH", "x", token()), "+OK\r\n");
    app->expect("MULTI\r\n", "+OK\r\n");
    app->expect(request("AUTH", "x", token(600, "eve")), kWrongPass);
    app->expect("EXEC\r\n", "-EXECABORT Transaction discarded because of previous errors.\r\n");
    EXPECT_FALSE(saw_token(node));
}

TEST_F(TokenLoginTest, ARuleOrKeyThatIsGoneEndsItsSessionsWithinASecond) {
    FakeNode node(honest);
    lead(node);
    const auto alice = client();
    const auto bob = client();
    const auto plain = client();
    alice->expect(request("AUTH", "x", token()), "+OK\r\n");
    bob->expect(request("AUTH", "x", token(600, "bob")), "+OK\r\n");
    plain->expect(request("AUTH", "plain", "password"), "+OK\r\n");
    auto began = Clock::now();
    config_.identity->rules.erase(config_.identity->rules.begin());
    reload();
    expect_end(*alice, "no more");
    EXPECT_LT(Clock::now() - began, std::chrono::milliseconds(1500));
    bob->expect("GET a\r\n", "$1\r\nv\r\n");
    client()->expect(request("AUTH", "x", token()), kWrongPass);
    config_.identity->issuers[0].keys = key_set(SigningKey(Algorithm::eddsa, "k").jwk());
    began = Clock::now();
    reload();
    expect_end(*bob, "no more");
    EXPECT_LT(Clock::now() - began, std::chrono::milliseconds(1500));
    plain->expect("GET a\r\n", "$1\r\nv\r\n");
}

TEST_F(TokenLoginTest, SessionsGoOnByANewPasswordOfThePortal) {
    FakeNode node(honest);
    lead(node);
    const auto app = client();
    app->expect(request("AUTH", "x", token()), "+OK\r\n");
    app->expect("GET a\r\n", "$1\r\nv\r\n");
    config_.identity->users[0].password = "renewed";
    reload();
    app->expect("GET a\r\n", "$1\r\nv\r\n");
    node.cut();
    wait_for(
        [&] {
            app->send("GET a\r\n");
            return app->read(7) == "$1\r\nv\r\n" && count(node, "AUTH app renewed") > 0;
        },
        "a link by the new password");
}

}  // namespace
}  // namespace portal::testing
