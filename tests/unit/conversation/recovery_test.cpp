#include "conversation/recovery.hpp"

#include "script.hpp"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace portal::conversation {
namespace {

using script::lost;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kReadOnly = "-READONLY You can't write against a read only replica.\r\n";

Recovery::Facts facts() {
    Recovery::Facts facts;
    facts.down_after = seconds(1);
    return facts;
}

struct Case {
    const char* line;
    bool sent;
    Fate::Kind kind;
    const char* bytes = "";
};

TEST(Recovery, DecidesByWhatTheRequestDoesAndWhetherItWasSent) {
    for (const Case& each : std::vector<Case>{
             {"SET k v", false, Fate::Kind::again},
             {"SET k v", true, Fate::Kind::in_doubt},
             {"GET k", true, Fate::Kind::again},
             {"INCR k", true, Fate::Kind::in_doubt},
             {"EVAL x 0", true, Fate::Kind::in_doubt},
             {"PUBLISH c m", true, Fate::Kind::in_doubt},
             {"BLPOP k 0", true, Fate::Kind::again},
             {"AUTH u p", true, Fate::Kind::again},
             {"SELECT 1", true, Fate::Kind::again},
             {"WATCH k", true, Fate::Kind::again},
             {"WAIT 1 0", false, Fate::Kind::answer, ":0\r\n"},
             {"WAIT 1 0", true, Fate::Kind::answer, ":0\r\n"},
         }) {
        Recovery recovery;
        Transaction transaction;
        recovery.keep(lost(each.line, 0, each.sent));
        const auto outcome = recovery.settle(transaction, false, facts());
        if (each.kind == Fate::Kind::again) {
            EXPECT_EQ(recovery.size(), 1U) << each.line;
            EXPECT_TRUE(outcome.settled.empty()) << each.line;
        } else {
            ASSERT_EQ(outcome.settled.size(), 1U) << each.line;
            EXPECT_EQ(outcome.settled[0].fate.kind, each.kind) << each.line;
            EXPECT_EQ(outcome.settled[0].fate.bytes, each.bytes) << each.line;
            EXPECT_TRUE(recovery.empty()) << each.line;
        }
    }
}

TEST(Recovery, ABlockedPopIsInDoubtWhereNoAcknowledgedWriteMayBeLost) {
    Recovery recovery;
    Transaction transaction;
    recovery.keep(lost("BLPOP k 0", 0, true));
    Recovery::Facts strict = facts();
    strict.proven = config::Proven::strict;
    const auto outcome = recovery.settle(transaction, false, strict);
    ASSERT_EQ(outcome.settled.size(), 1U);
    EXPECT_EQ(outcome.settled[0].fate.kind, Fate::Kind::in_doubt);
}

TEST(Recovery, ARequestThatIsNotKeptHasChangedNothingUnlessAllOfItWasSent) {
    for (const bool sent : {false, true}) {
        Recovery recovery;
        Transaction transaction;
        Lost large = lost("SET k v", 0, sent);
        large.request.streamed = true;
        recovery.keep(std::move(large));
        const auto outcome = recovery.settle(transaction, false, facts());
        ASSERT_EQ(outcome.settled.size(), 1U);
        EXPECT_EQ(outcome.settled[0].fate.kind, sent ? Fate::Kind::in_doubt : Fate::Kind::answer);
    }
}

TEST(Recovery, AReadIsNotAskedAgainBehindALargeWriteOfWhichNoWordIsKept) {
    Recovery recovery;
    Transaction transaction;
    recovery.keep(lost("GET k", 0, true));
    Lost large = lost("SET k v", 1, true);
    large.request.streamed = true;
    large.command.clear();
    recovery.keep(std::move(large));
    const auto outcome = recovery.settle(transaction, false, facts());
    ASSERT_EQ(outcome.settled.size(), 2U);
    EXPECT_EQ(outcome.settled[0].fate.kind, Fate::Kind::in_doubt);
    EXPECT_EQ(outcome.settled[1].fate.kind, Fate::Kind::in_doubt);
}

TEST(Recovery, AReadIsNotAskedAgainBehindAWriteOfTheSameClientThatItMightSee) {
    struct Pair {
        const char* read;
        const char* write;
        Fate::Kind kind;
    };
    for (const Pair& each : std::initializer_list<Pair>{{"GET k", "SET k v", Fate::Kind::in_doubt},
                                                        {"GET k", "DEL k", Fate::Kind::in_doubt},
                                                        {"MGET a k", "RENAME b k", Fate::Kind::in_doubt},
                                                        {"SISMEMBER k m", "SADD k m", Fate::Kind::in_doubt},
                                                        {"DBSIZE", "SET k v", Fate::Kind::in_doubt},
                                                        {"KEYS k*", "SET k v", Fate::Kind::in_doubt},
                                                        {"SCAN 0", "SET k v", Fate::Kind::in_doubt},
                                                        {"GET k", "FLUSHALL", Fate::Kind::in_doubt},
                                                        {"GET k", "FLUSHALL ASYNC", Fate::Kind::in_doubt},
                                                        {"GET k", "SWAPDB 0 1", Fate::Kind::in_doubt},
                                                        {"GET k", "EVAL x 0", Fate::Kind::in_doubt},
                                                        {"GET k", "SET other v", Fate::Kind::again},
                                                        {"GET k", "BLPOP k 0", Fate::Kind::again},
                                                        {"GET k", "GET k", Fate::Kind::again}}) {
        SCOPED_TRACE(std::string(each.read) + ", " + each.write);
        const auto fate = [&](bool read_first, bool write_sent, const char* refusal) {
            Recovery recovery;
            Transaction transaction;
            recovery.keep(lost(each.read, read_first ? 0 : 1, true));
            Lost write = lost(each.write, read_first ? 1 : 0, write_sent);
            write.refusal = refusal;
            recovery.keep(std::move(write));
            const auto outcome = recovery.settle(transaction, false, facts());
            for (const auto& settled : outcome.settled) {
                if (settled.lost.command == lost(each.read, 0, true).command) {
                    return settled.fate.kind;
                }
            }
            return Fate::Kind::again;
        };
        EXPECT_EQ(fate(true, true, ""), each.kind);
        EXPECT_EQ(fate(true, false, ""), Fate::Kind::again) << "the write was never sent";
        EXPECT_EQ(fate(true, true, "-READONLY x\r\n"), Fate::Kind::again) << "the write was refused";
        EXPECT_EQ(fate(false, true, ""), Fate::Kind::again) << "the write comes first, as the client wanted it";
    }
}

TEST(Recovery, AReadIsAskedAgainOnceAndNotAtAllIfItMayHaveTakenTheNode) {
    const auto fate = [](std::uint8_t losses, bool alone, milliseconds worked_on, const char* line) {
        Recovery recovery;
        Transaction transaction;
        Lost read = lost(line, 0, true);
        read.request.losses = losses;
        read.request.alone = alone;
        read.worked_on = worked_on;
        recovery.keep(std::move(read));
        auto outcome = recovery.settle(transaction, false, facts());
        return outcome.settled.empty() ? Fate::Kind::again : outcome.settled[0].fate.kind;
    };
    EXPECT_EQ(fate(1, false, milliseconds(0), "KEYS x"), Fate::Kind::again);
    EXPECT_EQ(fate(2, false, milliseconds(0), "KEYS x"), Fate::Kind::not_repeated);
    EXPECT_EQ(fate(1, true, milliseconds(0), "KEYS x"), Fate::Kind::not_repeated);
    EXPECT_EQ(fate(1, false, milliseconds(500), "KEYS x"), Fate::Kind::not_repeated);
    EXPECT_EQ(fate(2, false, milliseconds(500), "GET k"), Fate::Kind::again);
    EXPECT_EQ(fate(9, false, milliseconds(0), "GET k"), Fate::Kind::not_repeated);
}

TEST(Recovery, KeepsTheOrderOfTheSlotsHoweverTheyCameBack) {
    std::mt19937 random(7);
    for (int round = 0; round < 50; ++round) {
        std::vector<std::uint64_t> slots{0, 1, 2, 3, 4, 5, 6, 7};
        std::ranges::shuffle(slots, random);
        Recovery recovery;
        for (const std::uint64_t slot : slots) {
            recovery.keep(lost("GET k", slot, random() % 2 == 0));
        }
        std::uint64_t expected = 0;
        for (const Lost& each : recovery.waiting()) {
            EXPECT_EQ(each.request.sequence, expected++);
        }
        EXPECT_TRUE(recovery.precedes(1));
        EXPECT_FALSE(recovery.precedes(0));
    }
}

TEST(Recovery, WhatANodeRefusedForNotLeadingWaitsWithTheReadsBehindIt) {
    Recovery recovery;
    Transaction transaction;
    Lost refused = lost("SET k v", 0, false);
    refused.refusal = kReadOnly;
    recovery.keep(std::move(refused));
    recovery.keep(lost("GET k", 1, true));
    recovery.keep_answer(1, "$1\r\nw\r\n");
    const auto outcome = recovery.settle(transaction, false, facts());
    EXPECT_TRUE(outcome.settled.empty());
    EXPECT_EQ(recovery.size(), 2U);
}

TEST(Recovery, ALaterWriteThatWasExecutedGivesThoseBeforeItTheNodesAnswers) {
    Recovery recovery;
    Lost refused = lost("SET k v", 0, false);
    refused.refusal = kReadOnly;
    recovery.keep(std::move(refused));
    recovery.keep(lost("GET k", 1, true));
    recovery.keep_answer(1, "$1\r\nw\r\n");
    recovery.keep(lost("GET k", 2, true));
    const auto settled = recovery.settle_refused();
    ASSERT_EQ(settled.size(), 2U);
    EXPECT_EQ(settled[0].fate.bytes, kReadOnly);
    EXPECT_EQ(settled[1].fate.bytes, "$1\r\nw\r\n");
    ASSERT_EQ(recovery.size(), 1U);
    EXPECT_EQ(recovery.waiting().front().request.sequence, 2U);
}

TEST(Recovery, WhatIsInsideATransactionThatSurvivesWaitsWithIt) {
    Recovery recovery;
    Transaction transaction;
    script::OwnLink link(transaction);
    link.say("MULTI", "+OK\r\n");
    const std::uint64_t slot = link.send("SET k v");
    recovery.keep(lost("SET k v", slot, true));
    recovery.keep(lost("INCR n", link.send("INCR n"), false));
    const auto outcome = recovery.settle(transaction, true, facts());
    EXPECT_TRUE(outcome.survives);
    EXPECT_TRUE(outcome.settled.empty());
    ASSERT_EQ(recovery.size(), 2U);
    EXPECT_EQ(recovery.waiting().front().request.sequence, slot);
}

TEST(Recovery, WhatIsInsideATransactionThatDoesNotSurviveIsAnsweredAsIfItWereQueued) {
    Recovery recovery;
    Transaction transaction;
    script::OwnLink link(transaction);
    link.say("WATCH k", "+OK\r\n");
    link.say("MULTI", "+OK\r\n");
    recovery.keep(lost("SET k v", link.send("SET k v"), true));
    transaction.note_link_lost(&link.state);
    const auto outcome = recovery.settle(transaction, true, facts());
    EXPECT_FALSE(outcome.survives);
    ASSERT_EQ(outcome.settled.size(), 1U);
    EXPECT_EQ(outcome.settled[0].fate.bytes, "+QUEUED\r\n");
    EXPECT_TRUE(recovery.empty());
}

TEST(Recovery, WhatCameBeforeATransactionIsNotPartOfIt) {
    Recovery recovery;
    Transaction transaction;
    script::OwnLink link(transaction);
    link.say("WATCH k", "+OK\r\n");
    Lost before = lost("SET a 1", link.send("SET a 1"), false);
    before.refusal = kReadOnly;
    recovery.keep(std::move(before));
    link.say("MULTI", "+OK\r\n");
    recovery.keep(lost("SET b 2", link.send("SET b 2"), true));
    transaction.note_link_lost(&link.state);
    const auto outcome = recovery.settle(transaction, true, facts());
    ASSERT_EQ(outcome.settled.size(), 1U);
    EXPECT_EQ(outcome.settled[0].lost.command, script::frame("SET b 2"));
    EXPECT_EQ(outcome.settled[0].fate.bytes, "+QUEUED\r\n");
    ASSERT_EQ(recovery.size(), 1U);
    EXPECT_EQ(recovery.waiting().front().command, script::frame("SET a 1"));
}

TEST(Recovery, ANestedMultiIsNotTheBeginningOfItsTransaction) {
    Recovery recovery;
    Transaction transaction;
    script::OwnLink link(transaction);
    link.say("WATCH k", "+OK\r\n");
    link.say("MULTI", "+OK\r\n");
    recovery.keep(lost("RPUSH l 1", link.send("RPUSH l 1"), true));
    const std::uint64_t nested = link.send_nested_multi();
    recovery.keep(lost("MULTI", nested, true));
    recovery.keep(lost("RPUSH l 2", link.send("RPUSH l 2"), true));
    recovery.keep(lost("GET l", link.send("GET l"), true));
    transaction.note_link_lost(&link.state);
    const auto outcome = recovery.settle(transaction, true, facts());
    EXPECT_TRUE(recovery.empty());
    std::vector<std::string> answers;
    for (const auto& each : outcome.settled) {
        answers.push_back(each.fate.bytes);
    }
    const std::string queued = "+QUEUED\r\n";
    EXPECT_EQ(answers, (std::vector<std::string>{queued, "-ERR MULTI calls can not be nested\r\n", queued, queued}));
}

TEST(Recovery, AHelloInsideATransactionIsOnlyQueued) {
    Recovery recovery;
    Transaction transaction;
    script::OwnLink link(transaction);
    link.say("WATCH k", "+OK\r\n");
    link.say("MULTI", "+OK\r\n");
    recovery.keep(lost("HELLO 3", link.send("HELLO 3"), true));
    transaction.note_link_lost(&link.state);
    const auto outcome = recovery.settle(transaction, true, facts());
    ASSERT_EQ(outcome.settled.size(), 1U);
    EXPECT_EQ(outcome.settled[0].fate.kind, Fate::Kind::answer);
    EXPECT_EQ(outcome.settled[0].fate.bytes, "+QUEUED\r\n");
}

TEST(Recovery, TheCopyOfATransactionGoesBeforeItsRestAndBehindWhatIsOlder) {
    Recovery recovery;
    recovery.keep(lost("GET k", 3, true));
    recovery.keep(lost("INCR n", 6, false));
    Lost sample;
    sample.request.sequence = 4;
    const resp::RequestLimits limits;
    recovery.keep_copy(script::frame("MULTI") + script::frame("SET k v"), sample, limits);
    ASSERT_EQ(recovery.size(), 4U);
    EXPECT_EQ(recovery.waiting()[1].command, script::frame("MULTI"));
    EXPECT_TRUE(recovery.waiting()[1].request.silent);
    EXPECT_EQ(recovery.waiting()[2].command, script::frame("SET k v"));
    EXPECT_FALSE(recovery.waiting()[3].request.silent);
}

TEST(Recovery, AScriptThatSaysReadonlyMayLieAndARefusedWriteDoesNot) {
    const Transaction transaction;
    Lost script = lost("EVAL x 0", 0, false);
    script.refusal = kReadOnly;
    EXPECT_TRUE(Recovery::may_lie(script, transaction));
    Lost write = lost("SET k v", 0, false);
    write.refusal = kReadOnly;
    EXPECT_FALSE(Recovery::may_lie(write, transaction));
}

TEST(Recovery, ARepeatGoesAloneWhileTheSameNodeLeads) {
    const Transaction transaction;
    Lost read = lost("GET k", 0, true);
    read.request.losses = 1;
    read.epoch = replication::Epoch{7};
    EXPECT_TRUE(Recovery::goes_alone(read, transaction, replication::Epoch{7}));
    EXPECT_FALSE(Recovery::goes_alone(read, transaction, replication::Epoch{8}));
    read.sent = false;
    EXPECT_FALSE(Recovery::goes_alone(read, transaction, replication::Epoch{7}));
}

// Whatever comes back, in whatever state: everything is settled or waits, in order, exactly once.
TEST(Recovery, LosesNothingAndAnswersNothingTwice) {
    std::mt19937 random(11);
    const std::vector<const char*> lines{"GET k",    "SET k v",  "EVAL x 0", "BLPOP k 0", "WAIT 1 0",
                                         "SELECT 1", "AUTH u p", "MULTI",    "EXEC",      "DISCARD",
                                         "WATCH k",  "UNWATCH",  "HELLO 3",  "INCR n",    "PUBLISH c m"};
    for (int round = 0; round < 2000; ++round) {
        Recovery recovery;
        Transaction transaction;
        if (random() % 2 == 0) {
            transaction.begin(random() % 4);
        }
        const std::size_t count = random() % 8;
        for (std::uint64_t slot = 0; slot < count; ++slot) {
            Lost each = lost(lines[random() % lines.size()], slot, random() % 2 == 0);
            each.request.unit = random() % 8 == 0;
            each.request.losses = static_cast<std::uint8_t>(random() % 3);
            if (random() % 6 == 0) {
                each.refusal = kReadOnly;
            }
            recovery.keep(std::move(each));
        }
        const auto outcome = recovery.settle(transaction, random() % 2 == 0, facts());
        std::vector<std::uint64_t> seen;
        for (const auto& each : outcome.settled) {
            seen.push_back(each.lost.request.sequence);
        }
        EXPECT_TRUE(std::ranges::is_sorted(seen));
        std::uint64_t last = 0;
        for (const Lost& each : recovery.waiting()) {
            EXPECT_GE(each.request.sequence, last);
            last = each.request.sequence;
            seen.push_back(last);
        }
        std::ranges::sort(seen);
        ASSERT_EQ(seen.size(), count);
        for (std::uint64_t slot = 0; slot < count; ++slot) {
            EXPECT_EQ(seen[slot], slot);
        }
    }
}

}  // namespace
}  // namespace portal::conversation
