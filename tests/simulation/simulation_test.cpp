// The decisions against a simulated world, seed by seed; and, rule by rule, what the checks say when the rule is gone.
#include "scenario.hpp"

#include <cstdio>

#include <gtest/gtest.h>

namespace portal::simulation {
namespace {

using sentinel::ProvenWrites;

/// One run takes some 15000 to 40000 steps.
constexpr std::uint64_t kSteps = 300'000;

/// From a seed whose faults show it on, so that this takes no longer than it must.
void expect_noticed(Without rule, const std::string& said, std::uint64_t first = 1,
                    ProvenWrites proven = ProvenWrites::off) {
    const auto noticed = notices(rule, first, kSteps, proven);
    ASSERT_TRUE(noticed) << "the rule is gone and nobody noticed";
    std::printf("noticed in seed %llu after %llu steps: %s\n", static_cast<unsigned long long>(noticed->seed),
                static_cast<unsigned long long>(noticed->steps), noticed->violation.c_str());
    EXPECT_NE(noticed->violation.find(said), std::string::npos) << noticed->violation;
}

void expect_no_violation(ProvenWrites proven, bool busy = false) {
    Totals totals;
    const auto failures = run_seeds(1, kSteps, {proven, false, 0, false, busy}, totals);
    std::printf("%s\n", describe(totals).c_str());
    for (const auto& failure : failures) {
        ADD_FAILURE() << "seed " << failure.seed << ": " << failure.violation;
    }
    EXPECT_GT(totals.leaders, 2 * totals.runs) << "hardly anything happened";
    EXPECT_GT(totals.acknowledged, 100 * totals.runs) << "hardly anything was written";
}

TEST(Simulation, holds_its_promises_whatever_breaks) {
    expect_no_violation(ProvenWrites::off);
}
TEST(Simulation, holds_them_with_proven_writes_where_available) {
    expect_no_violation(ProvenWrites::available);
}
TEST(Simulation, loses_no_acknowledged_write_in_strict_mode) {
    expect_no_violation(ProvenWrites::strict);
}

TEST(Simulation, holds_them_while_nodes_are_busy_as_well) {
    expect_no_violation(ProvenWrites::off, true);
}
TEST(Simulation, loses_no_acknowledged_write_of_busy_nodes_in_strict_mode) {
    expect_no_violation(ProvenWrites::strict, true);
}

/// Returns how many leaders were recorded per run: one each when none was changed.
void expect_patience(Time most, ProvenWrites proven, std::uint64_t runs, std::uint64_t& leaders) {
    for (std::uint64_t seed = 1; seed <= runs; ++seed) {
        const auto outcome = World(nothing_but_busy(seed, most, proven)).run();
        for (const auto& violation : outcome.violations) {
            ADD_FAILURE() << "seed " << seed << ": " << violation;
        }
        EXPECT_GT(outcome.acknowledged, 100U) << "hardly anything was written";
        leaders += outcome.failovers;
    }
}

TEST(Simulation, no_leader_that_is_busy_for_less_than_busy_after_is_replaced) {
    constexpr std::uint64_t kRuns = 6;
    for (const auto proven : {ProvenWrites::off, ProvenWrites::strict}) {
        std::uint64_t leaders = 0;
        expect_patience(milliseconds(9800), proven, kRuns, leaders);
        EXPECT_EQ(leaders, kRuns) << "each run has its first leader and no other";
    }
}

TEST(Simulation, a_leader_that_is_busy_for_longer_is_replaced_and_not_before) {
    constexpr std::uint64_t kRuns = 6;
    for (const auto proven : {ProvenWrites::off, ProvenWrites::strict}) {
        std::uint64_t leaders = 0;
        expect_patience(seconds(30), proven, kRuns, leaders);
        EXPECT_GT(leaders, kRuns) << "where the others were busy, too, nobody could take over";
    }
}

TEST(Simulation, a_name_that_leads_to_another_node_s_process_changes_no_leader) {
    constexpr std::uint64_t kRuns = 12;
    for (std::uint64_t seed = 1; seed <= kRuns; ++seed) {
        const auto outcome = World(nothing_but_misled(seed)).run();
        for (const auto& violation : outcome.violations) {
            ADD_FAILURE() << "seed " << seed << ": " << violation;
        }
        EXPECT_EQ(outcome.failovers, 1U) << "seed " << seed << " has its first leader and no other";
        EXPECT_GT(outcome.acknowledged, 100U) << "hardly anything was written";
    }
}

TEST(Simulation, holds_its_promises_while_names_lead_to_other_nodes_as_well) {
    Setting setting;
    setting.misled = true;
    Totals totals;
    const auto failures = run_seeds(1, kSteps, setting, totals);
    std::printf("%s\n", describe(totals).c_str());
    for (const auto& failure : failures) {
        ADD_FAILURE() << "seed " << failure.seed << ": " << failure.violation;
    }
}

TEST(Simulation, replays_a_seed_step_by_step) {
    const auto once = World(options_for(11)).run();
    const auto again = World(options_for(11)).run();
    EXPECT_EQ(once.steps, again.steps);
    EXPECT_EQ(once.acknowledged, again.acknowledged);
    EXPECT_EQ(once.lasted, again.lasted);
}

TEST(Simulation, a_node_that_lost_what_it_confirmed_while_the_arbiter_was_away_is_trusted_only_without_proven_writes) {
    const auto off = World(options_for(140)).run();
    EXPECT_TRUE(off.violations.empty());
    EXPECT_GT(off.excused, 0U) << "this seed does not show it any more: find another";
    const auto strict = World(options_for(140, {ProvenWrites::strict, false, 0, false, false})).run();
    EXPECT_TRUE(strict.violations.empty());
    EXPECT_EQ(strict.excused, 0U);
}

TEST(Simulation, a_switchover_passes_no_portal_that_goes_on_by_failsafe) {
    Totals totals;
    const auto failures = run_seeds(1, kSteps, {ProvenWrites::off, true, 0, true, false}, totals);
    std::printf("%s\n", describe(totals).c_str());
    for (const auto& failure : failures) {
        ADD_FAILURE() << "seed " << failure.seed << ": " << failure.violation;
    }
    EXPECT_GT(totals.leaders, 4 * totals.runs) << "hardly any switchover was carried out";
}

TEST(SimulationWithout, expiry_of_the_permit) {
    expect_noticed(Without::expiry_of_the_permit, "forwards to");
}
TEST(SimulationWithout, waiting_for_marks) {
    expect_noticed(Without::waiting_for_marks, "forwards to");
}
TEST(SimulationWithout, time_from_before_the_question) {
    expect_noticed(Without::time_from_before_the_question, "forwards to", 723);
}
TEST(SimulationWithout, the_look_for_twins) {
    expect_noticed(Without::the_look_for_twins, "is told to follow itself");
}
TEST(SimulationWithout, compare_and_swap) {
    expect_noticed(Without::compare_and_swap, "the record went back", 1, ProvenWrites::strict);
}
TEST(SimulationWithout, the_in_sync_set) {
    expect_noticed(Without::the_in_sync_set, "is in sync and holds data");
}
TEST(SimulationWithout, memory_of_the_data) {
    expect_noticed(Without::memory_of_the_data, "no leader is served by all portals", 3);
}
TEST(SimulationWithout, proof_by_the_replica) {
    expect_noticed(Without::proof_by_the_replica, "acknowledged writes lost");
}
TEST(SimulationWithout, takeover_of_the_role) {
    expect_noticed(Without::takeover_of_the_role, "no leader is served by all portals", 6);
}
TEST(SimulationWithout, doubt_of_restarted_nodes) {
    expect_noticed(Without::doubt_of_restarted_nodes, "acknowledged writes lost", 833, ProvenWrites::strict);
}

TEST(SimulationWithout, the_record_before_promotion) {
    expect_noticed(Without::the_record_before_promotion, "no leader is served by all portals", 467);
}
TEST(SimulationWithout, the_word_of_the_joining) {
    expect_noticed(Without::the_word_of_the_joining, "acknowledged writes lost", 6, ProvenWrites::available);
}
TEST(SimulationWithout, patience_with_the_busy) {
    expect_noticed(Without::patience_with_the_busy, "busy for less than busy_after");
}
TEST(SimulationWithout, the_wait_for_failsafe) {
    expect_noticed(Without::the_wait_for_failsafe, "forwards to", 1431);
}

}  // namespace
}  // namespace portal::simulation
