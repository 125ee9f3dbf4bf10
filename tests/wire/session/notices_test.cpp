// CLIENT MAINT_NOTIFICATIONS: who is told of a change of leader and of the end of this portal, and when.
#include "command/maintenance.hpp"
#include "portal_fixture.hpp"

#include <array>
#include <charconv>

namespace portal::testing {
namespace {

using command::failed_over;
using command::failing_over;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Words = std::vector<std::string>;

const std::string kOn = "CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type internal-fqdn\r\n";
constexpr std::int64_t kNotice = 1'796'000'000'000;

std::string answer_of(const Words& words) {
    if (words[0] == "GET") {
        return words[1] == "queued" ? "+QUEUED\r\n" : "$1\r\nv\r\n";
    }
    if (words[0] == "EXEC") {
        return "*1\r\n$1\r\nv\r\n";
    }
    return words[0] == "BLPOP" ? FakeNode::kSilence : "+OK\r\n";
}

class NoticesTest : public PortalTest {
  protected:
    NoticesTest() {
        config_.maintenance = config::Maintenance::on;
        config_.listen[0].advertise = config::Address{"portals.example", 6380};
    }

    /// A client of RESP3.
    std::unique_ptr<TestClient> modern() {
        auto app = client();
        app->say_hello("HELLO 3\r\n");
        return app;
    }
    /// One that has asked for notices.
    std::unique_ptr<TestClient> asking(const std::string& how = kOn) {
        auto app = modern();
        app->expect(how, "+OK\r\n");
        return app;
    }
    /// The leader goes, and it is worth telling.
    void hold(std::int64_t notice = kNotice) {
        notice_ = notice;
        const auto told = counters().maintenance_notices[0].get();
        fail_over(1);
        if (witness_ == nullptr) {
            witness_ = asking();
        }
        wait_for([&] { return counters().maintenance_notices[0].get() > told; }, "a client is told");
    }
    /// The gauge of all who have asked.
    [[nodiscard]] std::uint64_t asked() const {
        std::uint64_t sum = 0;
        for (const observe::Counter& each : counters().maintenance_clients) {
            sum += each.get();
        }
        return sum;
    }

    FakeNode first_{&answer_of};
    FakeNode second_{&answer_of};
    std::unique_ptr<TestClient> witness_;  // which is told whatever becomes of others
};

TEST_F(NoticesTest, OkIsTheAnswerWithALeaderAndWithout) {
    start();
    asking();
    lead(first_);
    const auto app = asking("client maint_notifications on\r\n");
    app->expect("CLIENT MAINT_NOTIFICATIONS OFF\r\nGET k\r\n", "+OK\r\n$1\r\nv\r\n");
    EXPECT_EQ(first_.seen(), (std::vector<std::string>{"GET k"})) << "the node is not asked";
}

TEST_F(NoticesTest, ItIsRefusedInResp2AndInFormsThatNobodyKnows) {
    lead(first_);
    client()->expect(kOn, "-ERR maintenance notifications need RESP3: send HELLO 3 first\r\n");
    modern()->expect("CLIENT MAINT_NOTIFICATIONS maybe\r\n", "-ERR syntax error\r\n");
    EXPECT_EQ(asked(), 0U);
}

TEST_F(NoticesTest, SwitchedOffThereIsNoSuchCommand) {
    config_.maintenance = config::Maintenance::off;
    lead(first_);
    modern()->expect(kOn, "-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.\r\n");
}

TEST_F(NoticesTest, WhoMustLogInIsToldSo) {
    FakeNode node(
        [](const Words& words) { return words[0] == "GET" ? "-NOAUTH Authentication required.\r\n" : "+OK\r\n"; });
    node.answer_hello("-NOAUTH HELLO must be called with the client already authenticated\r\n");
    lead(node);
    const auto app = client();
    wait_for(
        [&] {
            app->send(kOn);
            return app->line().starts_with("-NOAUTH");
        },
        "the portal knows that a login is wanted");
}

TEST_F(NoticesTest, AHoldIsToldAndThenThatItIsOver) {
    lead(first_);
    const auto app = asking();
    hold();
    app->send("GET k\r\n");
    app->expect(failing_over(kNotice));
    EXPECT_TRUE(app->silent());
    lead(second_);
    app->expect(failed_over(kNotice + 1) + "$1\r\nv\r\n");
    EXPECT_EQ(counters().maintenance_notices[0].get(), counters().maintenance_notices[1].get());
}

TEST_F(NoticesTest, OnlyWhoAsksIsTold) {
    lead(first_);
    const auto modern_one = modern();
    const auto old_one = client();
    const auto off_again = asking();
    off_again->expect("CLIENT MAINT_NOTIFICATIONS OFF\r\n", "+OK\r\n");
    const auto anew = asking();
    anew->expect("RESET\r\n", "+RESET\r\n");
    const auto back = asking();
    back->send("HELLO 2\r\n");
    while (back->line() != "*0\r\n") {
    }
    EXPECT_EQ(asked(), 0U);
    hold();
    lead(second_);
    for (const auto* each : {&modern_one, &old_one, &off_again, &anew, &back}) {
        (*each)->expect("GET k\r\n", "$1\r\nv\r\n");
    }
}

TEST_F(NoticesTest, AnswerAloneIsFollowedByNothing) {
    config_.maintenance = config::Maintenance::answer;
    lead(first_);
    const auto app = asking();
    notice_ = kNotice;
    fail_over(1);
    app->send("GET k\r\n");
    wait_for([&] { return counters().sessions_held.get() == 1; }, "it waits");
    std::this_thread::sleep_for(milliseconds(150));  // long enough to be told, if it were
    lead(second_);
    app->expect("$1\r\nv\r\n");
}

TEST_F(NoticesTest, WhoAsksWhileCommandsWaitIsToldBoth) {
    lead(first_);
    hold();
    const auto app = modern();
    app->expect(kOn, "+OK\r\n" + failing_over(kNotice));
    lead(second_);
    app->expect(failed_over(kNotice + 1));
}

TEST_F(NoticesTest, AHoldThatEndsInAnErrorIsOverForThatClient) {
    config_.hold.time = milliseconds(300);
    lead(first_);
    const auto app = asking();
    hold();
    app->send("GET k\r\n");
    app->expect(failing_over(kNotice));
    app->expect(failed_over(kNotice + 1));
    EXPECT_TRUE(app->line().starts_with("-NOLEADER"));
    lead(second_);
    app->expect("GET k\r\n", "$1\r\nv\r\n");
    witness_->expect(failing_over(kNotice) + failed_over(kNotice + 1));
}

TEST_F(NoticesTest, WhoHasBegunSomethingIsNotTold) {
    lead(first_);
    struct Case {
        std::string begins, answer;
    };
    const std::array<Case, 4> cases{{{"MULTI\r\n", "+OK\r\n"},
                                     {"WATCH k\r\n", "+OK\r\n"},
                                     {"CLIENT TRACKING ON\r\n", "+OK\r\n"},
                                     {"BLPOP list 0\r\n", ""}}};
    std::vector<std::unique_ptr<TestClient>> apps;
    for (const Case& each : cases) {
        apps.push_back(asking());
        apps.back()->expect(each.begins, each.answer);
    }
    wait_for([&] { return counters().upstream_links_pinned.get() == cases.size(); }, "all have begun");
    hold();
    EXPECT_EQ(counters().maintenance_notices[0].get(), 1U) << "of the witness alone";
}

// --- the portal goes away

TEST_F(NoticesTest, WhoUnderstandsItIsSentElsewhereAndStaysUntilItHasGone) {
    lead(first_);
    const auto app = asking();
    const auto bare = asking("CLIENT MAINT_NOTIFICATIONS ON\r\n");
    const auto nowhere = asking("CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type none\r\n");
    const auto old_one = client();
    old_one->expect("GET k\r\n", "$1\r\nv\r\n");
    wait_for(
        [&] {
            drain(seconds(8));
            return counters().maintenance_notices[2].get() == 3;
        },
        "all are told");
    EXPECT_TRUE(old_one->closed());
    for (const auto* each : {&app, &bare, &nowhere}) {
        (*each)->expect(">4\r\n$6\r\nMOVING\r\n");
        const std::string number = (*each)->line();
        const std::string time = (*each)->line();
        EXPECT_TRUE(number.starts_with(":") && time.starts_with(":")) << number << time;
        (*each)->expect(each == &nowhere ? "_\r\n" : "$20\r\nportals.example:6380\r\n");
        (*each)->expect("GET k\r\n", "$1\r\nv\r\n");
    }
    drain(seconds(8));
    app->expect("GET k\r\n", "$1\r\nv\r\n");
}

TEST_F(NoticesTest, WhoCannotBeToldWhereToIsClosedBetweenTwoCommands) {
    config_.listen[0].advertise.reset();
    lead(first_);
    const auto app = asking();
    wait_for(
        [&] {
            drain(seconds(8));
            return counters().client_connections.get() == 0;
        },
        "it is closed");
    EXPECT_TRUE(app->closed());
    EXPECT_EQ(counters().maintenance_notices[2].get(), 0U);
}

TEST_F(NoticesTest, ATransactionIsOverBeforeItsClientIsTold) {
    lead(first_);
    const auto app = asking();
    app->expect("MULTI\r\n", "+OK\r\n");
    const auto told = [&] { return counters().maintenance_notices[2].get() == 1; };
    const auto end = std::chrono::steady_clock::now() + milliseconds(700);
    while (std::chrono::steady_clock::now() < end) {  // its turn comes, and it is not told
        drain(milliseconds(3000));
        std::this_thread::sleep_for(milliseconds(20));
    }
    EXPECT_FALSE(told());
    app->expect("GET queued\r\nEXEC\r\n", "+QUEUED\r\n*1\r\n$1\r\nv\r\n");
    wait_for(
        [&] {
            drain(milliseconds(3000));
            return told();
        },
        "it is told");
    EXPECT_EQ(app->line(), ">4\r\n");
}

TEST_F(NoticesTest, WhoStaysIsClosedInTheEnd) {
    lead(first_);
    const auto app = asking();
    wait_for(
        [&] {
            drain(milliseconds(900));
            return counters().maintenance_notices[2].get() == 1;
        },
        "it is told");
    wait_for(
        [&] {
            drain(milliseconds(900));
            return counters().client_connections.get() == 0;
        },
        "it is closed");
    EXPECT_EQ(counters().clients_cut.get(), 1U);
    EXPECT_EQ(counters().clients_moved.get(), 0U);
}

TEST_F(NoticesTest, WhoLeavesIsCounted) {
    lead(first_);
    {
        const auto app = asking();
        wait_for(
            [&] {
                drain(milliseconds(900));
                return counters().maintenance_notices[2].get() == 1;
            },
            "it is told");
    }
    wait_for([&] { return counters().clients_moved.get() == 1; }, "it has left");
    EXPECT_EQ(counters().clients_cut.get(), 0U);
    EXPECT_EQ(asked(), 0U);
}

}  // namespace
}  // namespace portal::testing
