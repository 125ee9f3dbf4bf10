#include "replication/candidate.hpp"

#include <gtest/gtest.h>

namespace portal::replication {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kNow{0};
constexpr milliseconds kPatience = seconds(10);

NodeReport report(Role role, std::uint64_t offset, std::uint64_t keys, std::string run_id,
                  std::string replid = "history") {
    NodeReport made;
    made.role = role;
    made.offset = offset;
    made.keys = keys;
    made.run_id = std::move(run_id);
    made.replid = std::move(replid);
    return made;
}

/// In sync, the same process as ever.
Contender steady(std::string name, std::uint64_t offset, Role role = Role::replica) {
    Contender made;
    made.name = name;
    made.in_sync = true;
    made.known = KnownData{name + "-run", "history", offset, 10};
    made.report = report(role, offset, 10, name + "-run");
    return made;
}
Contender unreachable(std::string name, bool in_sync = true) {
    auto made = steady(std::move(name), 100);
    made.in_sync = in_sync;
    made.report.reset();
    made.trouble = "connection refused";
    return made;
}
Contender reborn_empty(std::string name) {
    auto made = steady(std::move(name), 100);
    made.report = report(Role::replica, 0, 0, "new-run", "new-history");
    return made;
}
Contender restarted_with_data(std::string name, std::uint64_t keys) {
    auto made = steady(std::move(name), 100);
    made.report = report(Role::replica, 0, keys, "new-run", "new-history");
    return made;
}
std::string why_not(const Choice& choice, const std::string& node) {
    for (const auto& refused : choice.refused) {
        if (refused.node == node) {
            return refused.why;
        }
    }
    return {};
}

TEST(Candidate, the_in_sync_replica_takes_over_when_the_leader_is_gone) {
    const auto choice = choose_candidate({unreachable("redis-0"), steady("redis-1", 90)}, kNow, kPatience);
    EXPECT_EQ(choice.node, "redis-1");
    EXPECT_EQ(why_not(choice, "redis-0"), "connection refused");
}

TEST(Candidate, the_highest_offset_wins_whatever_the_order) {
    EXPECT_EQ(choose_candidate({steady("a", 5), steady("b", 9), steady("c", 7)}, kNow, kPatience).node, "b");
    EXPECT_EQ(choose_candidate({steady("b", 9), steady("a", 5)}, kNow, kPatience).node, "b");
    EXPECT_EQ(why_not(choose_candidate({steady("b", 9), steady("a", 5)}, kNow, kPatience), "a"), "lower offset");
}

TEST(Candidate, at_equal_offsets_the_one_that_leads_already_wins_then_the_first_configured) {
    EXPECT_EQ(choose_candidate({steady("a", 9), steady("b", 9, Role::leader)}, kNow, kPatience).node, "b");
    EXPECT_EQ(choose_candidate({steady("a", 9), steady("b", 9)}, kNow, kPatience).node, "a");
}

TEST(Candidate, a_replica_is_not_ahead_of_the_leader_that_it_copies_because_its_report_is_newer) {
    auto copy = steady("redis-0", 114);
    copy.report->link_up = true;
    const auto leader = steady("redis-1", 100, Role::leader);
    EXPECT_EQ(choose_candidate({copy, leader}, kNow, kPatience).node, "redis-1");

    auto cut_off = copy;
    cut_off.report->link_up = false;
    EXPECT_EQ(choose_candidate({cut_off, leader}, kNow, kPatience).node, "redis-0") << "it may have had more elsewhere";
    auto of_another_history = copy;
    of_another_history.report->replid = "other";
    EXPECT_EQ(choose_candidate({of_another_history, leader}, kNow, kPatience).node, "redis-0");
}

TEST(Candidate, a_node_out_of_sync_is_not_promoted_while_an_in_sync_one_is_away) {
    auto stale = steady("redis-1", 90);
    stale.in_sync = false;
    const auto choice = choose_candidate({unreachable("redis-0"), stale}, seconds(100), kPatience);
    EXPECT_FALSE(choice.node);
    EXPECT_NE(choice.why.find("redis-0"), std::string::npos);
    EXPECT_NE(choice.why.find("switchover --to redis-1"), std::string::npos) << choice.why;
}

TEST(Candidate, a_node_out_of_sync_leads_when_the_in_sync_one_came_back_empty) {
    auto stale = steady("redis-1", 90);
    stale.in_sync = false;
    EXPECT_EQ(choose_candidate({reborn_empty("redis-0"), stale}, kNow, kPatience).node, "redis-1");
}

TEST(Candidate, an_empty_reborn_node_never_beats_data) {
    const auto choice = choose_candidate({reborn_empty("redis-0"), steady("redis-1", 1)}, kNow, kPatience);
    EXPECT_EQ(choice.node, "redis-1");
    EXPECT_EQ(why_not(choice, "redis-0"), "came back empty");
}

TEST(Candidate, an_empty_reborn_node_waits_for_the_one_that_may_hold_the_data_for_ever) {
    for (const auto in_sync : {true, false}) {
        const auto choice =
            choose_candidate({reborn_empty("redis-0"), unreachable("redis-1", in_sync)}, seconds(9999), kPatience);
        EXPECT_FALSE(choice.node);
        EXPECT_NE(choice.why.find("redis-1"), std::string::npos) << choice.why;
    }
}

TEST(Candidate, when_all_came_back_empty_one_of_them_leads) {
    EXPECT_EQ(choose_candidate({reborn_empty("redis-0"), reborn_empty("redis-1")}, kNow, kPatience).node, "redis-0");
}

TEST(Candidate, a_node_that_was_known_empty_and_restarted_does_not_beat_later_data) {
    auto once_empty = reborn_empty("redis-0");
    once_empty.known->keys = 0;  // the record is older than the first write
    auto stale = steady("redis-1", 90);
    stale.in_sync = false;
    EXPECT_EQ(choose_candidate({once_empty, stale}, kNow, kPatience).node, "redis-1");
}

TEST(Candidate, a_restarted_node_with_data_waits_for_in_sync_nodes_but_not_for_ever) {
    const std::vector<Contender> nodes{restarted_with_data("redis-0", 10), unreachable("redis-1")};
    EXPECT_FALSE(choose_candidate(nodes, kNow, kPatience).node);
    EXPECT_EQ(choose_candidate(nodes, kPatience, kPatience).node, "redis-0");
}

TEST(Candidate, a_steady_replica_beats_a_restarted_node_whatever_that_one_counts) {
    EXPECT_EQ(choose_candidate({restarted_with_data("redis-0", 999), steady("redis-1", 1)}, kNow, kPatience).node,
              "redis-1");
}

TEST(Candidate, a_restarted_leader_that_kept_all_is_as_good_as_a_steady_one) {
    auto back = steady("redis-0", 100);
    back.report->run_id = "new-run";
    EXPECT_EQ(choose_candidate({back, steady("redis-1", 90)}, kNow, kPatience).node, "redis-0");
}

TEST(Candidate, a_node_in_full_sync_or_still_loading_is_refused) {
    auto syncing = steady("redis-0", 900);
    syncing.report->sync_in_progress = true;
    auto loading = steady("redis-2", 900);
    loading.report->loading = true;
    const auto choice = choose_candidate({syncing, steady("redis-1", 1), loading}, kNow, kPatience);
    EXPECT_EQ(choice.node, "redis-1");
    EXPECT_EQ(why_not(choice, "redis-0"), "in the middle of a full synchronization");
    EXPECT_EQ(why_not(choice, "redis-2"), "still loading its data");
}

TEST(Candidate, a_node_in_full_sync_is_left_to_the_operator_when_nothing_else_holds_data) {
    auto syncing = steady("redis-1", 900);
    syncing.report->sync_in_progress = true;
    const auto choice = choose_candidate({unreachable("redis-0"), syncing}, seconds(99), kPatience);
    EXPECT_FALSE(choice.node);
    EXPECT_NE(choice.why.find("redis-1 (in the middle of a full synchronization)"), std::string::npos) << choice.why;
    EXPECT_NE(choice.why.find("redis-portal switchover --to redis-1"), std::string::npos) << choice.why;
}

TEST(Candidate, a_lone_leader_that_restarted_leads_again) {
    EXPECT_EQ(choose_candidate({restarted_with_data("redis-0", 10)}, kNow, kPatience).node, "redis-0");
}

TEST(Candidate, nobody_reachable_is_nobody_promoted) {
    EXPECT_FALSE(choose_candidate({unreachable("redis-0"), unreachable("redis-1")}, seconds(99), kPatience).node);
    EXPECT_FALSE(choose_candidate({}, seconds(99), kPatience).node);
}

TEST(DataKept, compares_a_restarted_node_with_what_was_known_of_it) {
    const KnownData known{"run", "history", 100, 10};
    EXPECT_EQ(data_kept(report(Role::replica, 1, 0, "run"), known), Kept::all) << "the same process lost nothing";
    EXPECT_EQ(data_kept(report(Role::replica, 100, 10, "new"), known), Kept::all);
    EXPECT_EQ(data_kept(report(Role::replica, 99, 10, "new"), known), Kept::some) << "rewound";
    EXPECT_EQ(data_kept(report(Role::replica, 500, 10, "new", "other"), known), Kept::some);
    EXPECT_EQ(data_kept(report(Role::replica, 0, 0, "new", "other"), known), Kept::nothing);
    EXPECT_EQ(data_kept(report(Role::replica, 0, 0, "new", "other"), KnownData{}), Kept::never_any);
    EXPECT_EQ(data_kept(report(Role::replica, 0, 0, "new"), std::nullopt), Kept::never_any);
}

Contender found(std::string name, Role role, std::uint64_t keys, std::uint64_t offset = 0, std::string replid = "") {
    Contender made;
    made.report = report(role, offset, keys, name + "-run", replid.empty() ? name + "-history" : replid);
    made.name = std::move(name);
    return made;
}
Contender missing(std::string name) {
    Contender made;
    made.name = std::move(name);
    made.trouble = "connection refused";
    return made;
}

TEST(FirstLeader, a_node_in_cluster_mode_is_refused_whoever_asks_and_named) {
    auto clustered = found("redis-0", Role::leader, 3);
    clustered.report->cluster = true;
    for (const auto& forced : {std::optional<std::string>(), std::optional<std::string>("redis-0")}) {
        const auto choice = choose_first_leader({clustered, found("redis-1", Role::replica, 0)}, forced);
        EXPECT_FALSE(choice.node);
        EXPECT_NE(choice.why.find("redis-0 runs in cluster mode"), std::string::npos) << choice.why;
        EXPECT_NE(choice.why.find("cluster-enabled no"), std::string::npos) << choice.why;
    }
}

TEST(Candidate, a_node_in_cluster_mode_is_never_promoted) {
    auto clustered = steady("redis-0", 200);
    clustered.report->cluster = true;
    const auto choice = choose_candidate({clustered, steady("redis-1", 100)}, kNow, kPatience);
    EXPECT_EQ(choice.node, "redis-1");
}

TEST(FirstLeader, of_empty_replicas_the_first_configured_leads) {
    EXPECT_EQ(choose_first_leader({found("redis-0", Role::replica, 0), found("redis-1", Role::replica, 0)}, {}).node,
              "redis-0");
}

TEST(FirstLeader, of_replicas_the_one_with_the_most_data_leads) {
    EXPECT_EQ(choose_first_leader({found("redis-0", Role::replica, 3), found("redis-1", Role::replica, 8)}, {}).node,
              "redis-1");
}

TEST(FirstLeader, within_one_history_the_offset_counts_and_not_the_keys) {
    EXPECT_EQ(choose_first_leader(
                  {found("redis-0", Role::replica, 9, 100, "h"), found("redis-1", Role::replica, 8, 200, "h")}, {})
                  .node,
              "redis-1");
}

TEST(FirstLeader, waits_for_every_node_and_names_the_missing_one) {
    const auto choice = choose_first_leader({found("redis-0", Role::replica, 3), missing("redis-1")}, {});
    EXPECT_FALSE(choice.node);
    EXPECT_NE(choice.why.find("waiting for redis-1 (connection refused)"), std::string::npos) << choice.why;
}

TEST(FirstLeader, a_leader_with_data_is_adopted_even_if_another_node_is_missing) {
    EXPECT_EQ(choose_first_leader({missing("redis-0"), found("redis-1", Role::leader, 3)}, {}).node, "redis-1");
}

TEST(FirstLeader, an_empty_leader_waits_for_a_missing_node) {
    EXPECT_FALSE(choose_first_leader({missing("redis-0"), found("redis-1", Role::leader, 0)}, {}).node);
}

TEST(FirstLeader, an_empty_leader_gives_way_to_a_replica_of_nobody_that_holds_data) {
    EXPECT_EQ(choose_first_leader({found("redis-0", Role::leader, 0), found("redis-1", Role::replica, 3)}, {}).node,
              "redis-1");
}

TEST(FirstLeader, of_two_leaders_the_only_one_with_data_leads) {
    EXPECT_EQ(choose_first_leader({found("redis-0", Role::leader, 0), found("redis-1", Role::leader, 3)}, {}).node,
              "redis-1");
}

TEST(FirstLeader, two_leaders_with_data_are_for_the_operator_to_judge) {
    const std::vector<Contender> both{found("redis-0", Role::leader, 5), found("redis-1", Role::leader, 3)};
    const auto choice = choose_first_leader(both, {});
    EXPECT_FALSE(choice.node);
    EXPECT_NE(choice.why.find("redis-0 and redis-1"), std::string::npos);
    EXPECT_NE(choice.why.find("redis-portal switchover --to NODE"), std::string::npos);
    EXPECT_EQ(choose_first_leader(both, "redis-1").node, "redis-1");
}

TEST(FirstLeader, the_operators_choice_needs_only_that_node) {
    EXPECT_EQ(choose_first_leader({found("redis-0", Role::replica, 5), missing("redis-1")}, "redis-0").node, "redis-0");
    EXPECT_FALSE(choose_first_leader({found("redis-0", Role::replica, 5), missing("redis-1")}, "redis-1").node);
}

TEST(FirstLeader, a_loading_node_is_waited_for) {
    auto loading = found("redis-1", Role::replica, 0);
    loading.report->loading = true;
    EXPECT_FALSE(choose_first_leader({found("redis-0", Role::replica, 5), loading}, {}).node);
}

Contender with_priority(Contender contender, std::uint32_t priority) {
    contender.report->priority = priority;
    return contender;
}

TEST(CandidatePriority, among_nodes_in_sync_the_lower_number_goes_before_more_data) {
    const auto choice = choose_candidate(
        {unreachable("a"), with_priority(steady("b", 100), 50), with_priority(steady("c", 90), 10), steady("d", 200)},
        kNow, kPatience);
    EXPECT_EQ(choice.node, "c");
    EXPECT_EQ(choice.why, "in sync, replica-priority 10");
}

TEST(CandidatePriority, equal_numbers_leave_the_choice_to_the_data) {
    const auto choice = choose_candidate(
        {unreachable("a"), with_priority(steady("b", 100), 50), with_priority(steady("c", 110), 50)}, kNow, kPatience);
    EXPECT_EQ(choice.node, "c");
}

TEST(CandidatePriority, a_lower_number_makes_up_for_no_lost_data) {
    auto behind = steady("b", 500);
    behind.in_sync = false;
    EXPECT_EQ(choose_candidate({with_priority(behind, 1), steady("c", 100)}, kNow, kPatience).node, "c");
    EXPECT_EQ(
        choose_candidate({with_priority(restarted_with_data("b", 10), 1), steady("c", 100)}, kNow, kPatience).node,
        "c");
    EXPECT_EQ(choose_candidate({with_priority(reborn_empty("b"), 1), steady("c", 100)}, kNow, kPatience).node, "c");
}

TEST(CandidatePriority, a_leader_that_lives_keeps_its_role_before_a_replica_with_less_data) {
    const auto choice =
        choose_candidate({steady("a", 100, Role::leader), with_priority(steady("b", 90), 1)}, kNow, kPatience);
    EXPECT_EQ(choice.node, "a") << "it does not say its own priority, and has what the replica lacks";
}

TEST(CandidatePriority, zero_is_never_promoted) {
    const auto choice =
        choose_candidate({unreachable("a"), with_priority(steady("b", 100), 0), steady("c", 90)}, kNow, kPatience);
    EXPECT_EQ(choice.node, "c");
    EXPECT_EQ(why_not(choice, "b"), "replica-priority 0, so it is never promoted");
}

TEST(CandidatePriority, where_all_others_have_zero_nobody_is_promoted_and_that_is_said) {
    const auto choice =
        choose_candidate({unreachable("a"), with_priority(steady("b", 100), 0)}, seconds(100), kPatience);
    EXPECT_FALSE(choice.node);
    EXPECT_NE(choice.why.find("b has replica-priority 0; CONFIG SET replica-priority 100 there lets it lead"),
              std::string::npos)
        << choice.why;
    EXPECT_EQ(choice.why.find("switchover"), std::string::npos) << "that would be refused, too: " << choice.why;
}

TEST(CandidatePriority, nobody_is_promoted_over_the_data_of_a_node_with_zero) {
    auto behind = steady("c", 90);
    behind.in_sync = false;
    for (const auto& other : {behind, restarted_with_data("c", 3), reborn_empty("c")}) {
        const auto choice = choose_candidate({unreachable("a", false), with_priority(steady("b", 100), 0), other},
                                             seconds(100), kPatience);
        EXPECT_FALSE(choice.node) << "it would be made to follow and lose what only it has";
        EXPECT_NE(choice.why.find("c lacks what b may hold"), std::string::npos) << choice.why;
    }
}

TEST(CandidatePriority, a_leader_with_zero_that_comes_back_whole_has_its_role_back_if_nobody_else_can_lead) {
    auto leader = with_priority(steady("a", 100), 0);
    leader.led = true;
    EXPECT_EQ(choose_candidate({leader, unreachable("b")}, kNow, kPatience).node, "a");
    EXPECT_EQ(choose_candidate({leader, steady("b", 90)}, kNow, kPatience).node, "b") << "as the operator wants it";
}

TEST(CandidatePriority, the_first_leader_is_none_with_zero_unless_it_leads_already) {
    auto empty = [](const char* name) {
        auto made = steady(name, 0);
        made.report->keys = 0;
        return made;
    };
    EXPECT_EQ(choose_first_leader({with_priority(empty("a"), 0), empty("b")}, {}).node, "b");
    EXPECT_FALSE(choose_first_leader({with_priority(empty("a"), 0)}, {}).node);
    EXPECT_FALSE(choose_first_leader({with_priority(empty("a"), 0), empty("b")}, "a").node);
    const auto richer = choose_first_leader({with_priority(steady("a", 100), 0), empty("b")}, {});
    EXPECT_FALSE(richer.node);
    EXPECT_NE(richer.why.find("a has replica-priority 0"), std::string::npos) << richer.why;
    EXPECT_EQ(choose_first_leader({with_priority(steady("a", 100, Role::leader), 0), empty("b")}, {}).node, "a");
}

}  // namespace
}  // namespace portal::replication
