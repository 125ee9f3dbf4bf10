// Replies in request order, each to its own client, whatever links the commands took; limits and hostile input.
#include "binary_content.hpp"
#include "portal_fixture.hpp"

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

std::string bulk(const std::string& text) {
    return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

/// Echoes the command, so that a reply shows whose it is.
std::string echo(const Words& words) {
    std::string joined;
    for (const std::string& word : words) {
        joined += word + " ";
    }
    return bulk(joined);
}

class SessionOrderTest : public PortalTest {};

TEST_F(SessionOrderTest, ManyClientsShareOneLinkAndEachGetsItsOwnReplies) {
    FakeNode node(echo);
    lead(node);
    std::vector<std::unique_ptr<TestClient>> apps;
    for (int i = 0; i < 20; ++i) {
        apps.push_back(client());
    }
    for (int round = 0; round < 20; ++round) {
        for (std::size_t i = 0; i < apps.size(); ++i) {
            apps[i]->send("GET " + std::to_string(i) + "\r\nGET x" + std::to_string(i) + "\r\n");
        }
        for (std::size_t i = 0; i < apps.size(); ++i) {
            apps[i]->expect(bulk("GET " + std::to_string(i) + " ") + bulk("GET x" + std::to_string(i) + " "));
        }
    }
    EXPECT_EQ(counters().upstream_links_shared.get(), 1U);
}

TEST_F(SessionOrderTest, RepliesKeepTheirOrderAcrossSharedPinnedAndLocalCommands) {
    FakeNode node(echo);
    lead(node);
    const auto app = client();
    app->expect(
        "GET a\r\nCLIENT GETNAME\r\nBLPOP q 0\r\nGET b\r\nFOO x\r\nCLIENT GETNAME\r\nGET c\r\n",
        bulk("GET a ") + "$-1\r\n" + bulk("BLPOP q 0 ") + bulk("GET b ") + bulk("FOO x ") + "$-1\r\n" + bulk("GET c "));
}

TEST_F(SessionOrderTest, ARequestSplitAtEveryByteGivesTheSameReplies) {
    FakeNode node(echo);
    lead(node);
    const std::string requests = "*2\r\n$3\r\nGET\r\n$1\r\na\r\nGET b\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\r\n\r\n";
    const std::string expected = bulk("GET a ") + bulk("GET b ") + bulk("SET k \r\n ");
    for (std::size_t cut = 1; cut < requests.size(); ++cut) {
        const auto app = client();
        app->send(requests.substr(0, cut));
        app->send(requests.substr(cut));
        app->expect(expected);
    }
}

TEST_F(SessionOrderTest, AWholeTransactionTravelsContiguouslyOnTheSharedLink) {
    FakeNode node([](const Words& words) {
        return words[0] == "MULTI" ? "+OK\r\n" : words[0] == "EXEC" ? "*1\r\n:1\r\n" : "+QUEUED\r\n";
    });
    lead(node);
    const auto app = client();
    app->expect("*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n*1\r\n$4\r\nEXEC\r\n",
                "+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
    EXPECT_EQ(node.seen(), (Words{"MULTI", "INCR k", "EXEC"}));
    EXPECT_EQ(counters().leases.get(), 0U);
}

TEST_F(SessionOrderTest, TheEndOfAWholeTransactionDoesNotEndTheOneThatWasOpenedBehindIt) {
    FakeNode node([](const Words& words) {
        return words[0] == "BLPOP"  ? FakeNode::kPause + "*-1\r\n"
               : words[0] == "GET"  ? "+QUEUED\r\n"
               : words[0] == "EXEC" ? "*0\r\n"
                                    : "+OK\r\n";
    });
    lead(node);
    const auto app = client();
    const auto other = client();
    app->send(
        "BLPOP l 1\r\n*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$7\r\nDISCARD\r\nMULTI\r\nGET b\r\n");
    node.release();
    app->expect("*-1\r\n+OK\r\n+QUEUED\r\n+OK\r\n+OK\r\n+QUEUED\r\n");
    other->expect("WATCH k\r\n", "+OK\r\n");
    EXPECT_EQ(counters().upstream_links_pinned.get(), 2U) << "both use the same link";
    app->expect("EXEC\r\n", "*0\r\n");
}

TEST_F(SessionOrderTest, AProtocolErrorIsWordedAsRedisWordsItAfterTheRepliesBeforeIt) {
    FakeNode node(echo);
    lead(node);
    const auto app = client();
    app->expect("GET a\r\n*1\r\n+PING\r\n", bulk("GET a ") + "-ERR Protocol error: expected '$', got '+'\r\n");
    EXPECT_TRUE(app->closed());
    EXPECT_EQ(at(const_cast<observe::CounterPer<observe::Closed>&>(counters().client_connections_closed),
                 observe::Closed::protocol)
                  .get(),
              1U);
}

TEST_F(SessionOrderTest, ADeniedCommandNeverReachesTheNode) {
    FakeNode node(echo);
    lead(node);
    const auto app = client();
    app->expect("SHUTDOWN NOSAVE\r\nGET a\r\n",
                "-DENIED this command is not allowed through the portal: SHUTDOWN\r\n" + bulk("GET a "));
    EXPECT_EQ(node.seen(), Words{"GET a"});
}

TEST_F(SessionOrderTest, AnHttpRequestIsCutOffWithoutTouchingTheNode) {
    FakeNode node(echo);
    lead(node);
    const auto app = client();
    app->send("POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET a 1\r\n");
    EXPECT_TRUE(app->closed());
    EXPECT_TRUE(node.seen().empty());
}

TEST_F(SessionOrderTest, ClientsAboveTheLimitAreToldSoAndClosed) {
    config_.limits.sessions = 2;
    FakeNode node(echo);
    lead(node);
    const auto one = client();
    const auto two = client();
    one->expect("GET a\r\n", bulk("GET a "));
    two->expect("GET a\r\n", bulk("GET a "));
    const auto three = client();
    three->expect("-ERR max number of clients reached\r\n");
    EXPECT_TRUE(three->closed());
}

TEST_F(SessionOrderTest, AClientThatReadsMoreSlowlyThanTheNodeSendsIsNotAskedForMore) {
    config_.limits.output_bytes = {4 << 20};
    const std::string big = bulk(binary_content(1 << 17));
    FakeNode node([&](const Words& words) { return words[1] == "big" ? big : "+OK\r\n"; });
    lead(node);
    const auto slow = client();
    const auto eager = client();
    std::string requests;
    for (int i = 0; i < 320; ++i) {
        requests += "GET big\r\n";
    }
    slow->send(requests);
    wait_for([&] { return counters().upstream_received_bytes.get() > 1 << 20; }, "replies have come");
    for (int i = 0; i < 100; ++i) {
        eager->expect("GET a\r\n", "+OK\r\n");
    }
    for (int i = 0; i < 320; ++i) {
        ASSERT_TRUE(same_bytes(slow->read(big.size()), big)) << i;
    }
}

TEST_F(SessionOrderTest, AClientThatDoesNotReadIsClosedAndTheOthersGoOn) {
    config_.limits.output_time = std::chrono::milliseconds(100);
    FakeNode node([](const Words& words) { return words[1] == "big" ? bulk(binary_content(1 << 17)) : "+OK\r\n"; });
    lead(node);
    const auto lazy = client();
    const auto eager = client();
    std::string requests;
    for (int i = 0; i < 320; ++i) {
        requests += "GET big\r\n";
    }
    lazy->send(requests);
    wait_for(
        [&] {
            return counters()
                       .client_connections_closed[static_cast<std::size_t>(observe::Closed::output_limit)]
                       .get() == 1;
        },
        "the client that does not read is closed");
    eager->expect("GET a\r\n", "+OK\r\n");
}

TEST_F(SessionOrderTest, AClientThatOnlyClosesItsSendingSideStillGetsItsReplies) {
    FakeNode node(echo);
    lead(node);
    const auto app = client();
    app->send("GET a\r\nGET b\r\n");
    app->finish_sending();
    app->expect(bulk("GET a ") + bulk("GET b "));
    EXPECT_TRUE(app->closed());
}

}  // namespace
}  // namespace portal::testing
