// What a seed stands for: how many nodes and portals, with failsafe or without; and runs of many seeds.
#pragma once

#include "world.hpp"

#include <string>
#include <vector>

namespace portal::simulation {

struct Setting {
    sentinel::ProvenWrites proven = sentinel::ProvenWrites::off;
    bool dense = false;        // faults follow each other three times as fast
    std::size_t portals = 0;   // 0: as the seed says
    bool switchovers = false;  // many more of them, with failsafe in each run
    bool busy = false;         // nodes are busy, too, and the portals tell that from death
    bool misled = false;       // addresses of nodes lead to other nodes, too
};

Options options_for(std::uint64_t seed, const Setting& setting = {});

/// Nodes are busy for up to `most`, and nothing else is wrong.
Options nothing_but_busy(std::uint64_t seed, Time most, sentinel::ProvenWrites proven);

/// Addresses of nodes lead to other nodes now and then, and nothing else is wrong.
Options nothing_but_misled(std::uint64_t seed);

struct Totals {
    std::uint64_t runs = 0;
    std::uint64_t steps = 0;
    std::uint64_t faults = 0;
    std::uint64_t leaders = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t excused = 0;
    Time simulated{0};
    Time slowest_mend{0};
};
struct Failure {
    std::uint64_t seed = 0;
    std::string violation;
};

/// Seeds from `first` on, until `steps` events were run.
std::vector<Failure> run_seeds(std::uint64_t first, std::uint64_t steps, const Setting& setting, Totals& totals);
std::string describe(const Totals& totals);

/// The first seed in which the checks notice that the rule is gone, and what they say, while the same faults do no harm
/// with the rule in force; nothing within `steps`.
struct Noticed {
    std::uint64_t seed = 0;
    std::uint64_t steps = 0;  // until then
    std::string violation;
};
std::optional<Noticed> notices(Without rule, std::uint64_t first, std::uint64_t steps, sentinel::ProvenWrites proven);

}  // namespace portal::simulation
