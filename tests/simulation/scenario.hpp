// What a seed stands for: how many nodes and portals, with failsafe or without; and runs of many seeds.
#pragma once

#include "world.hpp"

#include <string>
#include <vector>

namespace portal::simulation {

Options options_for(std::uint64_t seed);

struct Totals {
    std::uint64_t runs = 0;
    std::uint64_t steps = 0;
    std::uint64_t faults = 0;
    std::uint64_t leaders = 0;
    std::uint64_t acknowledged = 0;
    Time simulated{0};
    Time slowest_mend{0};
};
struct Failure {
    std::uint64_t seed = 0;
    std::string violation;
};

/// Seeds from `first` on, until `steps` events were run.
std::vector<Failure> run_seeds(std::uint64_t first, std::uint64_t steps, Totals& totals);
std::string describe(const Totals& totals);

/// The steps after which the checks noticed that the rule is gone, and what they said; nothing within `steps`.
struct Noticed {
    std::uint64_t steps = 0;
    std::string violation;
};
std::optional<Noticed> notices(Without rule, std::uint64_t steps);

}  // namespace portal::simulation
