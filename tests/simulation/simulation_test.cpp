// The decisions against a simulated world, seed by seed; and, rule by rule, what the checks say when the rule is gone.
#include "scenario.hpp"

#include <cstdio>

#include <gtest/gtest.h>

namespace portal::simulation {
namespace {

/// One run takes some 15000 steps.
constexpr std::uint64_t kSteps = 300'000;

void expect_noticed(Without rule, const std::string& said) {
    const auto noticed = notices(rule, kSteps);
    ASSERT_TRUE(noticed) << "the rule is gone and nobody noticed";
    std::printf("noticed after %llu steps: %s\n", static_cast<unsigned long long>(noticed->steps),
                noticed->violation.c_str());
    EXPECT_NE(noticed->violation.find(said), std::string::npos) << noticed->violation;
}

TEST(Simulation, holds_its_promises_whatever_breaks) {
    Totals totals;
    const auto failures = run_seeds(1, kSteps, totals);
    std::printf("%s\n", describe(totals).c_str());
    for (const auto& failure : failures) {
        ADD_FAILURE() << "seed " << failure.seed << ": " << failure.violation;
    }
    EXPECT_GT(totals.leaders, 3 * totals.runs) << "hardly anything happened";
}

TEST(Simulation, replays_a_seed_step_by_step) {
    const auto once = World(options_for(11)).run();
    const auto again = World(options_for(11)).run();
    EXPECT_EQ(once.steps, again.steps);
    EXPECT_EQ(once.acknowledged, again.acknowledged);
    EXPECT_EQ(once.lasted, again.lasted);
}

TEST(SimulationWithout, expiry_of_the_permit) {
    expect_noticed(Without::expiry_of_the_permit, "forwards to");
}
TEST(SimulationWithout, waiting_for_marks) {
    expect_noticed(Without::waiting_for_marks, "forwards to");
}
TEST(SimulationWithout, proof_by_the_replica) {
    expect_noticed(Without::proof_by_the_replica, "acknowledged writes lost");
}
TEST(SimulationWithout, takeover_of_the_role) {
    expect_noticed(Without::takeover_of_the_role, "no leader is served by all portals");
}

}  // namespace
}  // namespace portal::simulation
