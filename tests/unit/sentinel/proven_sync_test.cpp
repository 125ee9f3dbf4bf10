#include "sentinel/proven_sync.hpp"

#include "views.hpp"

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

using Names = std::vector<std::string>;

Timing timing_with(ProvenWrites proven) {
    Timing timing;
    timing.proven = proven;
    return timing;
}

class ProvenSyncTest : public ::testing::Test {
  protected:
    View view_ = healthy_view();
    ProvenSync strict_{timing_with(ProvenWrites::strict)};
    ProvenSync available_{timing_with(ProvenWrites::available)};

    NodeView& leader() { return view_.nodes[0]; }
    NodeView& replica() { return view_.nodes[1]; }
    replication::ConnectedReplica& listed() { return leader().report->replicas.front(); }
    /// Time goes on, and both nodes report anew.
    void pass(Milliseconds time) {
        view_.now += time;
        leader().asked_at = leader().reported_at = view_.now;
        replica().asked_at = replica().reported_at = view_.now - Milliseconds(1);  // the leader has spoken later
    }
    /// What the acting portal writes is what it sees next.
    Record settle(ProvenSync& sync) { return view_.record = sync.kept_up(view_); }
};

TEST_F(ProvenSyncTest, AReplicaThatKeepsUpStays) {
    EXPECT_EQ(settle(available_).in_sync, (Names{"redis-0", "redis-1"}));
    EXPECT_TRUE(view_.record.joining.empty());
    silence(replica(), view_.now);
    EXPECT_EQ(settle(available_).in_sync.size(), 2U) << "the leader hears it, whatever this portal does";
}

TEST_F(ProvenSyncTest, AReplicaThatConfirmsNothingForMoreThanTwoSecondsLeavesByTheLeadersWord) {
    listed().lag = 2;
    EXPECT_EQ(settle(available_).in_sync.size(), 2U);
    listed().lag = 3;
    EXPECT_EQ(settle(available_).in_sync, Names{"redis-0"});
    EXPECT_TRUE(settle(available_).joining.empty()) << "it does not come back while it lags";
}

TEST_F(ProvenSyncTest, InStrictTheLastReplicaStaysACandidateSinceNothingIsAnsweredWithoutIt) {
    listed().lag = 30;
    EXPECT_EQ(settle(strict_).in_sync, (Names{"redis-0", "redis-1"}));
    leader().report->replicas.clear();
    lose_link(replica());
    pass(Milliseconds(100));
    EXPECT_EQ(settle(strict_).in_sync, (Names{"redis-0", "redis-1"}));
    EXPECT_EQ(settle(available_).in_sync, Names{"redis-0"});
}

TEST_F(ProvenSyncTest, ItJoinsInTwoStepsAndIsACandidateOnlyWithAllThatWasAnsweredBefore) {
    const Timing timing;
    view_.record.in_sync = {"redis-0"};
    EXPECT_EQ(settle(available_).joining, Names{"redis-1"});
    EXPECT_EQ(view_.record.in_sync, Names{"redis-0"});
    pass(Milliseconds(100));
    EXPECT_EQ(settle(available_).joining, Names{"redis-1"}) << "some portal may not ask for its word yet";
    pass(timing.fence_after);
    leader().report->offset = 900;
    replica().report->offset = 899;
    EXPECT_EQ(settle(available_).joining, Names{"redis-1"});
    EXPECT_EQ(view_.record.in_sync, Names{"redis-0"}) << "it lacks a byte of what may have been answered";
    pass(Milliseconds(100));
    leader().report->offset = 5000;
    replica().report->offset = 900;
    EXPECT_EQ(settle(available_).in_sync, (Names{"redis-0", "redis-1"})) << "what came later it confirms itself";
    EXPECT_TRUE(view_.record.joining.empty());
}

TEST_F(ProvenSyncTest, AtTheBeginningOfAnEpochNobodyHasAnsweredWithoutItsWord) {
    view_.record.in_sync = {"redis-0"};
    view_.record.joining = {"redis-1"};
    view_.record.epoch = replication::Epoch{8};
    available_.began(view_.record);
    replica().report->offset = 99;
    EXPECT_EQ(settle(available_).in_sync, Names{"redis-0"});
    replica().report->offset = 100;
    EXPECT_EQ(settle(available_).in_sync, (Names{"redis-0", "redis-1"}));
}

TEST_F(ProvenSyncTest, OneThatJoinsAndDoesNotFollowIsGivenUpAfterAWhile) {
    const Timing timing;
    view_.record.in_sync = {"redis-0"};
    view_.record.joining = {"redis-1"};
    leader().report->replicas.clear();
    lose_link(replica());
    pass(Milliseconds(100));
    EXPECT_EQ(settle(available_).joining, Names{"redis-1"});
    pass(timing.fence_after + timing.down_after);
    EXPECT_TRUE(settle(available_).joining.empty());
}

TEST_F(ProvenSyncTest, ARestartedReplicaIsNotTrustedBeforeItHasCaughtUp) {
    replica().report->run_id = "another";
    replica().report->offset = 100;
    leader().report->offset = 200;
    EXPECT_EQ(settle(strict_).in_sync.size(), 2U);
    EXPECT_EQ(view_.record.known["redis-1"].run_id, "redis-1-run")
        << "so it counts as restarted if the leader is lost now";
    pass(Milliseconds(100));
    replica().report->offset = 200;
    const Record before = view_.record;
    settle(strict_);
    EXPECT_EQ(view_.record.known["redis-1"].run_id, "another");
    EXPECT_TRUE(sync_differs(before, view_.record)) << "this is written at once";
}

TEST_F(ProvenSyncTest, ARestartedReplicaLeavesOnceTheLeaderHasSpokenLater) {
    replica().report->run_id = "another";
    EXPECT_EQ(settle(available_).in_sync, (Names{"redis-0", "redis-1"}))
        << "the leader may be gone as well, and have lost more";
    EXPECT_EQ(view_.record.known["redis-1"].run_id, "redis-1-run") << "so it counts as restarted if it is";
    pass(Milliseconds(100));
    EXPECT_EQ(settle(available_).in_sync, Names{"redis-0"}) << "others may have been answered without it";
}

TEST_F(ProvenSyncTest, TheLeadersDeathPutsNobodyOut) {
    refuse(leader(), view_.now);
    listed().lag = 30;
    EXPECT_EQ(settle(available_).in_sync.size(), 2U);
}

TEST_F(ProvenSyncTest, WhoMayBePromotedMustConfirmAndWithoutTheArbiterEverybodyMust) {
    view_.record.in_sync = {"redis-0"};
    EXPECT_TRUE(confirmers(view_, true).empty());
    view_.record.joining = {"redis-1"};
    replica().addresses = {"10.0.0.7"};
    const auto joining = confirmers(view_, true);
    ASSERT_EQ(joining.size(), 1U);
    EXPECT_EQ(joining[0].name, "redis-1");
    EXPECT_EQ(joining[0].hosts, (Names{"redis-1", "10.0.0.7"}));
    EXPECT_EQ(joining[0].port, 6379);
    view_.record.joining.clear();
    EXPECT_EQ(confirmers(view_, false).size(), 1U);
}

}  // namespace
}  // namespace portal::sentinel
