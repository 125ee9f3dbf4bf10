#include "sentinel/leader_watch.hpp"

#include "views.hpp"

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

using replication::Role;

class LeaderWatch : public ::testing::Test {
  protected:
    LeaderState state() const { return judge_leader(view, timing).state; }
    NodeView& leader() { return view.nodes[0]; }
    NodeView& replica() { return view.nodes[1]; }

    Timing timing;
    View view = healthy_view();
};

TEST_F(LeaderWatch, a_leader_that_answers_and_leads_is_fine) {
    EXPECT_EQ(state(), LeaderState::fine);
}

TEST_F(LeaderWatch, one_that_refuses_is_dead_once_its_replica_says_that_the_link_is_down) {
    refuse(leader(), view.now - kTick);
    replica().asked_at = view.now - 2 * kTick;
    EXPECT_EQ(state(), LeaderState::unclear) << "the replica has not been asked since";
    replica().asked_at = view.now;
    EXPECT_EQ(state(), LeaderState::cut_off) << "the replica is still connected";
    lose_link(replica());
    EXPECT_EQ(state(), LeaderState::dead);
}

TEST_F(LeaderWatch, one_that_refuses_is_dead_when_no_replica_can_be_asked) {
    refuse(leader(), view.now - kTick);
    silence(replica(), view.now - kTick);
    EXPECT_EQ(state(), LeaderState::dead);
}

TEST_F(LeaderWatch, a_silent_leader_is_not_dead_while_a_replica_hears_it) {
    silence(leader(), view.now - Milliseconds(1500));
    EXPECT_EQ(state(), LeaderState::cut_off);
    replica().heard_at = view.now - std::max(timing.down_after, Milliseconds(1000) + timing.ping_interval);
    EXPECT_EQ(state(), LeaderState::dead) << "a link that is up alone proves nothing";
}

TEST_F(LeaderWatch, others_may_agree_on_the_leader_until_a_node_that_answers_contradicts) {
    EXPECT_TRUE(may_agree(view, timing));
    silence(leader(), view.now - Milliseconds(5000));
    EXPECT_TRUE(may_agree(view, timing)) << "another portal may reach it";
    replica().heard_at = view.now - Milliseconds(2000);
    EXPECT_TRUE(may_agree(view, timing)) << "seen from elsewhere it may have been heard later";
    replica().heard_at = view.now - Milliseconds(3500);
    EXPECT_FALSE(may_agree(view, timing));

    view = healthy_view();
    replica().report->role = Role::leader;
    EXPECT_FALSE(may_agree(view, timing));
    view = healthy_view();
    replica().report->leader = {"elsewhere", 6379};
    EXPECT_FALSE(may_agree(view, timing));
    view = healthy_view();
    leader().report->run_id = "another process";
    EXPECT_FALSE(may_agree(view, timing));
    silence(leader(), view.now);
    EXPECT_TRUE(may_agree(view, timing)) << "what it said before it fell silent is not known to hold";
}

TEST_F(LeaderWatch, an_offset_that_stands_still_tells_since_when_a_replica_hears_nothing) {
    const auto later = view.now + kTick;
    auto report = *replica().report;
    EXPECT_EQ(latest_hearing(replica(), report, later), view.now) << "the same offset as before";
    report.offset += 14;
    EXPECT_EQ(latest_hearing(replica(), report, later), later);
    report.leader_heard_seconds_ago = 3;
    EXPECT_EQ(latest_hearing(replica(), report, later), later - std::chrono::seconds(2)) << "its own count is older";
    report.link_up = false;
    EXPECT_EQ(latest_hearing(replica(), report, later), TimePoint{});
}

TEST_F(LeaderWatch, a_first_report_is_taken_by_its_count_of_seconds) {
    auto report = *replica().report;
    report.leader_heard_seconds_ago = 5;
    EXPECT_EQ(latest_hearing(NodeView{}, report, view.now), view.now - std::chrono::seconds(4));
}

TEST_F(LeaderWatch, all_agree_as_of_the_oldest_answer) {
    replica().asked_at = view.now - 3 * kTick;
    EXPECT_EQ(agreed_since(view, timing), view.now - 3 * kTick);
}

TEST_F(LeaderWatch, they_do_not_agree_once_one_node_is_silent_or_says_otherwise) {
    const auto healthy = view;
    silence(replica(), view.now);
    EXPECT_FALSE(agreed_since(view, timing)) << "another portal may have promoted it";
    view = healthy;
    replica().report->role = Role::leader;
    EXPECT_FALSE(agreed_since(view, timing));
    view = healthy;
    replica().report->leader = {"redis-9", 6379};
    EXPECT_FALSE(agreed_since(view, timing));
    view = healthy;
    replica().heard_at = view.now - std::chrono::seconds(5);
    EXPECT_FALSE(agreed_since(view, timing)) << "its link is up, but it has not heard from the leader lately";
    view = healthy;
    leader().report->role = Role::replica;
    EXPECT_FALSE(agreed_since(view, timing));
    view = healthy;
    leader().report->run_id = "another";
    EXPECT_FALSE(agreed_since(view, timing)) << "it was restarted";
    view = healthy;
    leader().report.reset();
    EXPECT_FALSE(agreed_since(view, timing)) << "a leader that cannot be read agrees to nothing";
}

TEST_F(LeaderWatch, nothing_is_concluded_while_another_node_is_suspected) {
    for (const auto& trouble : {refuse, silence}) {
        trouble(leader(), view.now - Milliseconds(1500));
        lose_link(replica());
        replica().health = Health::suspected;
        EXPECT_EQ(state(), LeaderState::unclear) << "this portal may be the one that is cut off";
        replica().health = Health::down;
        EXPECT_EQ(state(), LeaderState::dead);
    }
}

TEST_F(LeaderWatch, a_replica_of_somebody_else_vouches_for_nobody) {
    silence(leader(), view.now - Milliseconds(1500));
    replica().report->leader = {"127.0.0.1", 1};
    EXPECT_EQ(state(), LeaderState::dead);
}

TEST_F(LeaderWatch, a_suspected_leader_is_waited_for) {
    leader().health = Health::suspected;
    EXPECT_EQ(state(), LeaderState::unclear);
}

TEST_F(LeaderWatch, a_leader_that_was_restarted_is_lost_even_if_it_leads) {
    leader().report->run_id = "another-run";
    EXPECT_EQ(state(), LeaderState::lost);
}

TEST_F(LeaderWatch, a_leader_that_became_a_replica_is_lost) {
    leader().report->role = Role::replica;
    leader().report->leader = {"127.0.0.1", 1};
    EXPECT_EQ(state(), LeaderState::lost);
}

TEST_F(LeaderWatch, a_report_from_before_the_promotion_is_no_evidence) {
    leader().report->role = Role::replica;
    leader().asked_at = view.phase_since - kTick;
    EXPECT_EQ(state(), LeaderState::unclear);
}

TEST_F(LeaderWatch, a_leader_that_answers_with_errors_is_left_alone) {
    leader().report.reset();
    EXPECT_EQ(state(), LeaderState::fine);
}

TEST_F(LeaderWatch, a_leader_that_is_not_configured_any_more_is_replaced) {
    view.record.leader = "redis-9";
    EXPECT_EQ(state(), LeaderState::dead);
}

TEST_F(LeaderWatch, this_portal_is_isolated_when_it_reaches_nobody_but_another_reaches_the_leader) {
    refuse(leader(), view.now - 2 * timing.ping_interval);
    silence(replica(), view.now - 2 * timing.ping_interval);
    EXPECT_TRUE(isolated(view, timing));
    view.portals[1].mark.reaches_leader = false;
    EXPECT_FALSE(isolated(view, timing));
    view.portals[1].mark.reaches_leader = true;
    view.portals[1].changed_at = view.now - timing.fence_after;
    EXPECT_FALSE(isolated(view, timing)) << "that portal is gone itself";
}

TEST_F(LeaderWatch, keeps_the_account_of_the_data) {
    leader().report->offset = 900;
    replica().report->keys = 8;
    const auto record = kept_up(view);
    EXPECT_EQ(record.known.at("redis-0").offset, 900U);
    EXPECT_EQ(record.known.at("redis-1").keys, 8U);
    EXPECT_EQ(record.in_sync, (std::vector<std::string>{"redis-0", "redis-1"}));
}

TEST_F(LeaderWatch, a_replica_that_came_back_as_another_process_is_known_anew_only_when_it_has_caught_up) {
    replica().report->run_id = "another";
    replica().report->keys = 0;
    replica().report->link_up = false;
    const auto pending = kept_up(view);
    EXPECT_EQ(pending.in_sync.size(), 2U) << "the leader may be gone as well";
    EXPECT_NE(pending.known.at("redis-1").run_id, "another") << "so an empty process is not taken for a steady one";
    replica().report->link_up = true;
    replica().report->keys = leader().report->keys;
    EXPECT_EQ(kept_up(view).known.at("redis-1").run_id, "another");
}

TEST_F(LeaderWatch, a_replica_joins_the_in_sync_set_when_both_sides_say_so) {
    view.record.in_sync = {"redis-0"};
    leader().report->replicas[0].state = "send_bulk";
    EXPECT_EQ(kept_up(view).in_sync.size(), 1U);
    leader().report->replicas[0].state = "online";
    leader().report->replicas[0].offset = 0;
    EXPECT_EQ(kept_up(view).in_sync.size(), 1U) << "not before it has acknowledged something";
    leader().report->replicas[0].offset = 14;
    EXPECT_EQ(kept_up(view).in_sync.size(), 2U);
    view.record.in_sync = {"redis-0", "redis-1"};
    leader().report->replicas[0].offset = 0;
    EXPECT_EQ(kept_up(view).in_sync.size(), 2U) << "a reconnect does not put it out";
}

TEST_F(LeaderWatch, the_death_of_the_leader_does_not_empty_the_in_sync_set) {
    lose_link(replica());
    replica().reported_at = view.now;
    leader().asked_at = view.now - kTick;
    EXPECT_EQ(kept_up(view).in_sync.size(), 2U) << "the leader may be dead since";
    leader().asked_at = view.now + kTick;
    EXPECT_EQ(kept_up(view).in_sync.size(), 1U) << "the leader spoke after the link went down";
}

TEST_F(LeaderWatch, a_dead_replica_leaves_the_in_sync_set_on_the_leaders_word) {
    refuse(replica(), view.now - kTick);
    EXPECT_EQ(kept_up(view).in_sync.size(), 2U) << "the leader still lists it";
    leader().report->replicas.clear();
    leader().asked_at = view.now - 2 * kTick;
    EXPECT_EQ(kept_up(view).in_sync.size(), 2U) << "that was before it died";
    leader().asked_at = view.now;
    EXPECT_EQ(kept_up(view).in_sync.size(), 1U);
}

}  // namespace
}  // namespace portal::sentinel
