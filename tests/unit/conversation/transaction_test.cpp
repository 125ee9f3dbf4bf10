#include "conversation/transaction.hpp"

#include "conversation/whole_transaction.hpp"
#include "script.hpp"

#include <gtest/gtest.h>

namespace portal::conversation {
namespace {

using command::TransactionPhase;
using script::lost;
using script::OwnLink;

constexpr std::string_view kQueued = "+QUEUED\r\n";
constexpr std::string_view kReadOnly = "-READONLY You can't write against a read only replica.\r\n";
constexpr std::string_view kRefusedExec =
    "-EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica.\r\n";
constexpr std::string_view kExecAbort = "-EXECABORT Transaction discarded because of previous errors.\r\n";
constexpr std::string_view kNoPerm = "-NOPERM this user has no permissions\r\n";

TEST(Transaction, IsOverWhenItsExecIsAnswered) {
    Transaction transaction;
    OwnLink link(transaction);
    link.say("MULTI", "+OK\r\n");
    EXPECT_TRUE(transaction.open());
    EXPECT_TRUE(transaction.needs_link());
    link.say("SET k v", kQueued);
    link.say("EXEC", "*1\r\n+OK\r\n");
    EXPECT_FALSE(transaction.active());
    EXPECT_FALSE(transaction.needs_link());
}

TEST(Transaction, ThatTheNodeRefusesToBeginIsNone) {
    Transaction transaction;
    OwnLink link(transaction);
    link.say("MULTI", kNoPerm);
    EXPECT_FALSE(transaction.active());
}

TEST(Transaction, StaysOpenWhenTheNodeRefusesToEndIt) {
    for (const char* end : {"EXEC", "DISCARD"}) {
        Transaction transaction;
        OwnLink link(transaction);
        link.say("MULTI", "+OK\r\n");
        link.say("SET k v", kQueued);
        link.say(end, kNoPerm);
        EXPECT_TRUE(link.state.in_transaction()) << end;
        EXPECT_EQ(transaction.agrees(link.state), transaction.open()) << end;
    }
}

TEST(Transaction, AWatchHoldsTheLinkUntilTheNodeSaysThatItIsOver) {
    Transaction transaction;
    OwnLink link(transaction);
    link.say("WATCH k", "+OK\r\n");
    EXPECT_TRUE(transaction.needs_link());
    link.say("MULTI", "+OK\r\n");
    link.say("EXEC", "*0\r\n");
    EXPECT_FALSE(transaction.watching());
    link.say("WATCH k", kNoPerm);
    EXPECT_FALSE(transaction.watching());
}

// What a node that leads no more answers is not what the client hears.

TEST(Transaction, AnExecThatTheNodeRefusesForNotLeadingGoesAgainWithItsCopy) {
    Transaction transaction;
    OwnLink link(transaction);
    link.say("MULTI", "+OK\r\n");
    link.say("SET k v", kQueued);
    const Verdict verdict = link.say("EXEC", kRefusedExec);
    EXPECT_TRUE(verdict.again);
    EXPECT_TRUE(verdict.doubts_leader);
    EXPECT_EQ(transaction.copy().take(), script::frame("MULTI") + script::frame("SET k v"));
}

TEST(Transaction, AWriteThatCannotBeQueuedNowIsQueuedForTheClient) {
    Transaction transaction;
    OwnLink link(transaction);
    link.say("MULTI", "+OK\r\n");
    EXPECT_EQ(link.say("SET k v", kReadOnly).bytes, kQueued);
    EXPECT_TRUE(link.say("EXEC", kExecAbort).again);
}

TEST(Transaction, WithAWatchAnExecThatIsRefusedForNotLeadingSaysThatAKeyHasChanged) {
    Transaction transaction;
    OwnLink link(transaction);
    link.say("WATCH k", "+OK\r\n");
    link.say("MULTI", "+OK\r\n");
    link.say("SET k v", kQueued);
    const Verdict verdict = link.say("EXEC", kRefusedExec);
    EXPECT_FALSE(verdict.again);
    EXPECT_EQ(verdict.bytes, "*-1\r\n");
}

TEST(Transaction, AnErrorOfItsOwnIsNotAskedAgain) {
    Transaction transaction;
    OwnLink link(transaction);
    link.say("MULTI", "+OK\r\n");
    link.say("SET k v", kReadOnly);
    link.say("GET", "-ERR wrong number of arguments\r\n");
    const Verdict verdict = link.say("EXEC", kRefusedExec);
    EXPECT_FALSE(verdict.again);
    EXPECT_EQ(verdict.bytes, kExecAbort);
}

TEST(Transaction, ADiscardIsAnsweredWhateverTheNodeSaysAndItsLinkEnds) {
    Transaction transaction;
    OwnLink link(transaction);
    link.say("MULTI", "+OK\r\n");
    link.say("SET k v", kQueued);
    const Verdict verdict = link.say("DISCARD", "-LOADING Redis is loading the dataset in memory\r\n");
    EXPECT_EQ(verdict.bytes, "+OK\r\n");
    EXPECT_TRUE(verdict.ends_link);
    EXPECT_FALSE(transaction.active());
}

// A transaction whose link is lost, at each step in turn.

struct Step {
    const char* line;
    std::string_view reply;
};
const std::vector<Step> kSteps{
    {"MULTI", "+OK\r\n"}, {"SET k v", kQueued}, {"INCR n", kQueued}, {"EXEC", "*2\r\n+OK\r\n:1\r\n"}};

TEST(Transaction, WhoseLinkIsLostAtAnyStepGoesOnUnlessItsExecWasSent) {
    for (std::size_t step = 0; step < kSteps.size(); ++step) {
        for (const bool sent : {false, true}) {
            Transaction transaction;
            OwnLink link(transaction);
            for (std::size_t i = 0; i < step; ++i) {
                link.say(kSteps[i].line, kSteps[i].reply);
            }
            const std::uint64_t slot = link.send(kSteps[step].line);
            const std::vector<Lost> came_back{lost(kSteps[step].line, slot, sent)};
            transaction.note_link_lost(&link.state);
            const bool survives = transaction.survives(came_back);
            const bool exec_sent = step == 3 && sent;
            EXPECT_EQ(survives, !exec_sent) << kSteps[step].line << sent;
            std::string copy;
            for (std::size_t i = 0; i < step; ++i) {
                copy += script::frame(kSteps[i].line);
            }
            EXPECT_EQ(transaction.copy().take(), copy) << kSteps[step].line;
        }
    }
}

TEST(Transaction, WithAWatchIsNotSentAgainWhereverItsLinkIsLost) {
    for (std::size_t step = 0; step < kSteps.size(); ++step) {
        Transaction transaction;
        OwnLink link(transaction);
        link.say("WATCH k", "+OK\r\n");
        for (std::size_t i = 0; i < step; ++i) {
            link.say(kSteps[i].line, kSteps[i].reply);
        }
        const std::vector<Lost> came_back{lost(kSteps[step].line, link.send(kSteps[step].line), false)};
        transaction.note_link_lost(&link.state);
        EXPECT_FALSE(transaction.survives(came_back)) << kSteps[step].line;
        const Fate fate = transaction.settle(came_back.front(), resp::Protocol::resp2);
        EXPECT_EQ(fate.kind, Fate::Kind::answer);
        EXPECT_EQ(fate.bytes, step == 3 ? "*-1\r\n" : step == 0 ? "+OK\r\n" : "+QUEUED\r\n") << kSteps[step].line;
    }
}

TEST(Transaction, AnExecThatWasSentIsInDoubt) {
    Transaction transaction;
    OwnLink link(transaction);
    link.say("MULTI", "+OK\r\n");
    link.say("SET k v", kQueued);
    const std::vector<Lost> came_back{lost("EXEC", link.send("EXEC"), true)};
    EXPECT_FALSE(transaction.survives(came_back));
    EXPECT_EQ(transaction.settle(came_back.front(), resp::Protocol::resp2).kind, Fate::Kind::in_doubt);
    EXPECT_FALSE(transaction.active());
}

TEST(Transaction, AWriteBehindAMultiThatNobodyAnsweredPutsWhateverEndsItInDoubt) {
    for (const char* end : {"EXEC", "DISCARD"}) {
        Transaction transaction;
        OwnLink link(transaction);
        const std::uint64_t multi = link.send("MULTI");
        const std::vector<Lost> came_back{lost("MULTI", multi, true), lost("SET k v", link.send("SET k v"), true)};
        EXPECT_FALSE(transaction.survives(came_back));
        transaction.break_off(false);
        const auto fate = transaction.answer_broken(script::row_of(end), resp::Protocol::resp2);
        ASSERT_TRUE(fate);
        EXPECT_EQ(fate->kind, Fate::Kind::in_doubt) << end;
        EXPECT_FALSE(transaction.active());
    }
}

TEST(Transaction, ANestedMultiThatNobodyAnsweredPutsNothingInDoubt) {
    Transaction transaction;
    OwnLink link(transaction);
    link.say("MULTI", "+OK\r\n");
    const std::vector<Lost> came_back{lost("MULTI", link.send_nested_multi(), true),
                                      lost("SET k v", link.send("SET k v"), true)};
    EXPECT_TRUE(transaction.survives(came_back));
}

TEST(Transaction, IsSentAgainThreeTimesAtMost) {
    Transaction transaction;
    OwnLink link(transaction);
    link.say("MULTI", "+OK\r\n");
    const std::vector<Lost> came_back{lost("SET k v", link.send("SET k v"), true)};
    for (int repeats = 0; repeats < 3; ++repeats) {
        EXPECT_TRUE(transaction.survives(came_back));
    }
    EXPECT_FALSE(transaction.survives(came_back));
}

TEST(Transaction, ThatIsBrokenAnswersEachCommandAndFailsItsExec) {
    Transaction transaction;
    OwnLink link(transaction);
    link.say("MULTI", "+OK\r\n");
    link.say("SET k v", kQueued);
    transaction.deny();
    transaction.break_off(false);
    const auto answer = [&](const char* line) {
        const auto fate = transaction.answer_broken(script::row_of(line), resp::Protocol::resp2);
        return fate ? fate->bytes : std::string();
    };
    EXPECT_EQ(answer("SET k w"), "+QUEUED\r\n");
    EXPECT_EQ(answer("MULTI"), "-ERR MULTI calls can not be nested\r\n");
    EXPECT_EQ(answer("WATCH k"), "-ERR WATCH inside MULTI is not allowed\r\n");
    EXPECT_EQ(answer("RESET"), "");
    EXPECT_EQ(answer("EXEC"), kExecAbort);
    EXPECT_FALSE(transaction.active());
}

TEST(Transaction, AWatchWhoseLinkIsLostFailsTheNextExecOnly) {
    Transaction transaction;
    OwnLink link(transaction);
    link.say("WATCH k", "+OK\r\n");
    transaction.note_link_lost(&link.state);
    transaction.break_off(false);
    EXPECT_TRUE(transaction.watch_broken());
    transaction.begin_broken(0);
    EXPECT_EQ(transaction.answer_broken(script::row_of("EXEC"), resp::Protocol::resp3)->bytes, "_\r\n");
    EXPECT_FALSE(transaction.watch_broken());
    EXPECT_FALSE(transaction.active());
}

// One that travels in one piece.

std::vector<Lost> unit(bool sent) {
    return {lost("MULTI", 0, sent, true), lost("SET k v", 1, sent, true), lost("EXEC", 2, sent, true)};
}

TEST(Transaction, ThatTravelsWholeGoesAgainWholeOrIsInDoubt) {
    const Transaction transaction;
    const auto unsent = transaction.settle_unit(unit(false));
    EXPECT_TRUE(unsent.whole);
    EXPECT_EQ(unsent.last.kind, Fate::Kind::again);
    const auto sent = transaction.settle_unit(unit(true));
    EXPECT_FALSE(sent.whole);
    EXPECT_EQ(sent.last.kind, Fate::Kind::in_doubt);
}

TEST(Transaction, ThatTravelsWholeAndIsHalfAnsweredFailsWhereItsExecWasNotSent) {
    const Transaction transaction;
    const auto fate = transaction.settle_unit(std::vector<Lost>{lost("EXEC", 2, false, true)});
    EXPECT_EQ(fate.last.bytes, kExecAbort);
}

TEST(Transaction, WithoutItsEndIsNeverSentAgain) {
    const Transaction transaction;
    const auto fate = transaction.settle_unit(std::vector<Lost>{lost("MULTI", 0, false, true)});
    EXPECT_EQ(fate.last.kind, Fate::Kind::close);
}

TEST(Transaction, AfterAMultiThatTheNodeRefusedWhatIsLeftIsNoTransaction) {
    WholeTransaction transaction;
    upstream::PendingRequest multi = script::request_of("MULTI", 0, true);
    upstream::PendingRequest set = script::request_of("SET k v", 1, true);
    transaction.follow(multi, script::row_of("MULTI"), false);
    transaction.follow(set, script::row_of("SET k v"), true);
    EXPECT_FALSE(multi.unit);
    EXPECT_FALSE(set.unit);
}

TEST(Transaction, ThatOnlyReadsGoesAgainBehindSomethingThatWaits) {
    Transaction transaction;
    transaction.note_queued(script::row_of("MULTI"), "+OK\r\n", script::frame("MULTI"));
    transaction.note_queued(script::row_of("GET k"), kQueued, script::frame("GET k"));
    const Verdict reads = transaction.judge_unit(script::row_of("EXEC"), "*1\r\n$1\r\nv\r\n", true);
    EXPECT_TRUE(reads.again);
    EXPECT_FALSE(reads.settles_earlier);
    transaction.note_queued(script::row_of("SET k v"), kQueued, script::frame("SET k v"));
    const Verdict writes = transaction.judge_unit(script::row_of("EXEC"), "*2\r\n$1\r\nv\r\n+OK\r\n", true);
    EXPECT_FALSE(writes.again);
    EXPECT_TRUE(writes.settles_earlier);
}

}  // namespace
}  // namespace portal::conversation
