// An iteration with a cursor ends with an error where it cannot go on, and never with fewer elements in silence.
#include "portal_fixture.hpp"
#include "script_node.hpp"

#include <algorithm>

namespace portal::testing {
namespace {

using Words = std::vector<std::string>;

const std::string kForeign =
    "-ERR invalid cursor: another server process gave it, which does not serve here now, so elements would be left "
    "out; "
    "begin again with cursor 0\r\n";

std::string scanned(std::string_view cursor, std::string_view element = "key") {
    return "*2\r\n" + bulk(cursor) + "*1\r\n" + bulk(element);
}

/// Goes on with 17, and ends there.
std::string scans(const Words& words) {
    const bool scan = words[0] == "SCAN";
    if (!scan && !words[0].ends_with("SCAN")) {
        return words[0] == "GET" ? bulk("value") : "+OK\r\n";
    }
    return scanned(words[scan ? 1 : 2] == "0" ? "17" : "0");
}

class CursorsTest : public PortalTest {
  protected:
    /// Of the reply to an iteration that goes on.
    static std::string cursor_in(const TestClient& app, const std::string& elements = "*1\r\n" + bulk("key")) {
        std::string head = app.read(5);
        while (!head.ends_with("\r\n")) {
            head += app.read(1);
        }
        const auto size = static_cast<std::size_t>(std::stoul(head.substr(head.find('$') + 1)));
        std::string cursor = app.read(size + 2);
        cursor.resize(size);
        app.expect(elements);
        return cursor;
    }
    std::string begin(const TestClient& app, const Words& words) {
        app.send(frame_of(words));
        return cursor_in(app);
    }

    /// The first node leads as a process that is known, and its link is lost before the second SCAN is sent.
    void go_on_while_the_link_is_lost(const TestClient& app) {
        lead(first_);
        lead_as(first_, "one");
        see_process(first_, "one");
        const std::string cursor = begin(app, {"SCAN", "0"});
        const int before = first_.accepted();
        first_.cut();
        app.send(frame_of({"SCAN", cursor}));
        wait_for([&] { return first_.accepted() > before; }, "it is connected to again");
    }

    FakeNode first_{scans};
    FakeNode second_{scans};
};

TEST_F(CursorsTest, AnIterationGoesOnAtTheNodeThatBeganIt) {
    lead(first_);
    const auto app = client();
    const auto other = client();
    const std::string cursor = begin(*app, {"SCAN", "0", "COUNT", "10"});
    EXPECT_LT(std::stoull(cursor), 1ULL << 53U) << "exact where numbers are floating-point";
    other->expect(frame_of({"SCAN", cursor, "COUNT", "10"}), scanned("0"));
    for (const char* command : {"HSCAN", "SSCAN", "ZSCAN"}) {
        app->expect(frame_of({command, "k", begin(*app, {command, "k", "0"})}), scanned("0"));
    }
    EXPECT_EQ(first_.seen(), (Words{"SCAN 0 COUNT 10", "SCAN 17 COUNT 10", "HSCAN k 0", "HSCAN k 17", "SSCAN k 0",
                                    "SSCAN k 17", "ZSCAN k 0", "ZSCAN k 17"}));
}

TEST_F(CursorsTest, AnotherLeaderDoesNotGoOnWithIt) {
    lead(first_);
    const auto app = client();
    const std::string scan = begin(*app, {"SCAN", "0"});
    const std::string hscan = begin(*app, {"HSCAN", "k", "0"});
    lead(second_);
    app->expect(frame_of({"SCAN", scan}), kForeign);
    app->expect(frame_of({"HSCAN", "k", hscan}), kForeign);
    EXPECT_EQ(second_.seen(), Words{});
    app->expect(frame_of({"SCAN", begin(*app, {"SCAN", "0"})}), scanned("0"));
    app->expect("GET k\r\n", bulk("value"));
}

TEST_F(CursorsTest, TheSameNodeInALaterEpochDoesNotEither) {
    lead(first_);
    const auto app = client();
    const std::string cursor = begin(*app, {"SCAN", "0"});
    lead(second_);
    lead(first_);
    app->expect(frame_of({"SCAN", cursor}), kForeign);
}

/// It may answer before the monitor has found out that it is another process.
TEST_F(CursorsTest, AProcessThatWasStartedAgainInPlaceIsAskedNothingUntilItIsKnown) {
    const auto app = client();
    go_on_while_the_link_is_lost(*app);
    see_process(first_, "another");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(first_.seen(), Words{"SCAN 0"});
    lead_as(first_, "another");
    app->expect(kForeign);
    app->expect("GET k\r\n", bulk("value"));
}

TEST_F(CursorsTest, TheSameProcessGoesOnWhenTheMonitorHasSeenIt) {
    const auto app = client();
    go_on_while_the_link_is_lost(*app);
    see_process(first_, "one");
    app->expect(scanned("0"));
}

/// Another process may answer there without its data: an answer of it would be worse than none.
TEST_F(CursorsTest, AsLongAsTheMonitorCannotTellNothingIsAsked) {
    const auto app = client();
    go_on_while_the_link_is_lost(*app);
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // what is tested is the passing of time
    EXPECT_EQ(first_.seen(), Words{"SCAN 0"});
    see_process(first_, "one");
    app->expect(scanned("0"));
}

TEST_F(CursorsTest, OneThatWasOnItsWayWhenTheLeaderWasLostIsNotAskedOfTheNext) {
    FakeNode dies([](const Words& words) { return words[1] == "0" ? scans(words) : FakeNode::kSilence; });
    lead(dies);
    const auto app = client();
    const std::string cursor = begin(*app, {"SCAN", "0"});
    app->send(frame_of({"SCAN", cursor}));
    wait_for([&] { return dies.seen().size() == 2; }, "the node has it");
    dies.die();
    lead(second_);
    app->expect(kForeign);
    EXPECT_EQ(second_.seen(), Words{});
}

TEST_F(CursorsTest, OneThatBeganAndWasLostIsAskedAgain) {
    FakeNode dies([](const Words&) { return FakeNode::kSilence; });
    lead(dies);
    const auto app = client();
    app->send(frame_of({"SCAN", "0"}));
    wait_for([&] { return dies.seen().size() == 1; }, "the node has it");
    dies.die();
    lead(second_);
    EXPECT_GT(std::stoull(cursor_in(*app)), 1ULL << 33U);
}

TEST_F(CursorsTest, ALinkThatIsLostAloneEndsNoIteration) {
    int asked = 0;
    FakeNode node(
        [&asked](const Words& words) { return words[1] != "0" && ++asked == 1 ? FakeNode::kCutThis : scans(words); });
    lead(node);
    const auto app = client();
    const std::string cursor = begin(*app, {"SCAN", "0"});
    app->expect(frame_of({"SCAN", cursor}), scanned("0"));
}

TEST_F(CursorsTest, InATransactionTheyAreMarkedAsWell) {
    FakeNode node([](const Words& words) {
        return words[0] == "MULTI"  ? std::string("+OK\r\n")
               : words[0] == "EXEC" ? "*2\r\n" + scanned("17") + scanned("0")
                                    : std::string("+QUEUED\r\n");
    });
    lead(node);
    const auto app = client();
    app->expect("MULTI\r\nSCAN 0\r\nHSCAN k 0\r\n", "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
    app->send("EXEC\r\n");
    EXPECT_EQ(app->read(4), "*2\r\n");
    const std::string cursor = cursor_in(*app);
    app->expect(scanned("0"));
    app->expect("*1\r\n$5\r\nMULTI\r\n" + frame_of({"SCAN", cursor}) + "*1\r\n$4\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n");
    wait_for([&] { return node.seen().size() >= 7; }, "the second transaction");
    EXPECT_EQ(node.seen()[5], "SCAN 17");
}

TEST_F(CursorsTest, ATransactionWithAForeignCursorFails) {
    lead(first_);
    const auto app = client();
    const std::string cursor = begin(*app, {"SCAN", "0"});
    FakeNode node([](const Words& words) {
        return words[0] == "DISCARD" || words[0] == "MULTI" ? std::string("+OK\r\n") : std::string("+QUEUED\r\n");
    });
    lead(node);
    app->expect("MULTI\r\n" + frame_of({"SCAN", cursor}) + "EXEC\r\n",
                "+OK\r\n" + kForeign + "-EXECABORT Transaction discarded because of previous errors.\r\n");
}

TEST_F(CursorsTest, WhatNoPortalGaveIsForTheNodeToJudge) {
    FakeNode node([](const Words& words) { return bulk(words.back()); });
    lead(node);
    const auto app = client();
    for (const char* cursor : {"17", "8589934591", "abc", "-1", "007", "99999999999999999999999999"}) {
        app->expect(frame_of({"SCAN", cursor}), bulk(cursor));
    }
    app->expect("SCAN\r\n", bulk("SCAN"));
    app->expect("HSCAN k\r\n", bulk("k"));
}

TEST_F(CursorsTest, RepliesThatAreNoneAreLeftAsTheyAre) {
    for (const std::string& reply :
         {std::string("-ERR no\r\n"), std::string("*0\r\n"), scanned("abc"), scanned("99999999999999999999999999"),
          std::string("*-1\r\n"), std::string("*2\r\n:17\r\n*0\r\n")}) {
        FakeNode node([&](const Words&) { return reply; });
        lead(node);
        client()->expect("SCAN 0\r\n", reply);
    }
}

TEST_F(CursorsTest, ALargeReplyIsMarkedToo) {
    const std::string element = binary_content(1024 * 1024);
    FakeNode node([&](const Words&) { return scanned("17", element); });
    lead(node);
    const auto app = client();
    app->send("SCAN 0\r\n");
    const std::string cursor = cursor_in(*app, "*1\r\n" + bulk(element));
    EXPECT_GT(std::stoull(cursor), 1ULL << 33U);
    EXPECT_EQ(std::stoull(cursor) & ((1ULL << 33U) - 1), 17U);
}

// ------------------------------------------------------------------------------------------------ a port for reads

class CursorsOfReplicasTest : public CursorsTest {
  protected:
    CursorsOfReplicasTest() {
        config_.threads = 2;
        config_.listen[0].serves = config::Serves::replicas;
    }
    FakeNode leader_{scans};
};

TEST_F(CursorsOfReplicasTest, AnIterationIsCarriedOnAtItsReplicaByAnyConnection) {
    lead_with(leader_, {&first_, &second_});
    const auto one = client();
    const auto two = client();
    two->expect("GET k\r\n", bulk("value"));
    for (int round = 0; round < 10; ++round) {
        const std::string cursor = begin(*one, {"SCAN", "0"});
        two->send(frame_of({"SCAN", cursor}) + "GET k\r\n");
        two->expect(scanned("0") + bulk("value"));
    }
    EXPECT_EQ(std::ranges::count(first_.seen(), "SCAN 17") + std::ranges::count(second_.seen(), "SCAN 17"), 10);
    EXPECT_TRUE(std::ranges::count(first_.seen(), "SCAN 17") == 0 ||
                std::ranges::count(second_.seen(), "SCAN 17") == 0);
}

TEST_F(CursorsOfReplicasTest, OneOfAReplicaThatNobodyIsRoutedToIsRefused) {
    lead_with(leader_, {&first_, &second_});
    const auto one = client();
    const auto two = client();
    const std::string cursor = begin(*one, {"SCAN", "0"});
    const std::string other = begin(*two, {"SCAN", "0"});
    lead_with(leader_, {});
    one->expect(frame_of({"SCAN", cursor}), kForeign);
    two->expect(frame_of({"SCAN", other}) + frame_of({"SCAN", cursor}), kForeign + kForeign);
    EXPECT_EQ(std::ranges::count(leader_.seen(), "SCAN 17"), 0);
}

TEST_F(CursorsOfReplicasTest, AReplicaThatIsLostMeanwhileAnswersWithAnError) {
    FakeNode dies(
        [](const Words& words) { return words[0] == "SCAN" && words[1] != "0" ? FakeNode::kCutThis : scans(words); });
    lead_with(leader_, {&dies, &dies});
    const auto one = client();
    const auto two = client();
    lead_with(leader_, {&dies, &second_});
    const auto begun = [&](const TestClient& app) { return begin(app, {"SCAN", "0"}); };
    const std::string cursors[] = {begun(*one), begun(*two)};
    for (const auto& [app, cursor] : {std::pair{one.get(), cursors[1]}, std::pair{two.get(), cursors[0]}}) {
        app->send(frame_of({"SCAN", cursor}));
        const std::string head = app->read(4);
        EXPECT_TRUE(head == "*2\r\n" || head == "-ERR") << head;
    }
}

TEST_F(CursorsOfReplicasTest, WhoLeavesMeanwhileIsMissedByNobody) {
    FakeNode slow([](const Words& words) {
        return words[0] == "SCAN" && words[1] != "0" ? FakeNode::kPause + scans(words) : scans(words);
    });
    lead_with(leader_, {&slow, &second_});
    auto one = client();
    auto two = client();
    const std::string cursors[] = {begin(*one, {"SCAN", "0"}), begin(*two, {"SCAN", "0"})};
    one->send(frame_of({"SCAN", cursors[1]}));
    two->send(frame_of({"SCAN", cursors[0]}));
    wait_for([&] { return std::ranges::count(slow.seen(), "SCAN 17") == 1; }, "the replica is asked");
    one.reset();
    two.reset();
    slow.release();
    client()->expect("GET k\r\n", bulk("value"));
    client()->expect("GET k\r\n", bulk("value"));
}

}  // namespace
}  // namespace portal::testing
