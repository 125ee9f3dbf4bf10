#include "scenario.hpp"

#include <algorithm>
#include <cstdio>

namespace portal::simulation {

namespace {

constexpr unsigned kManySwitchovers = 80;
constexpr unsigned kOftenBusy = 40;
constexpr unsigned kOftenMisled = 40;

}  // namespace

Options options_for(std::uint64_t seed, const Setting& setting) {
    Options options;
    options.seed = seed;
    options.nodes = seed % 3 == 0 ? 3 : 2;
    options.portals = setting.portals != 0 ? setting.portals : seed % 4 == 3 ? 3 : 2;
    options.failsafe = seed % 5 == 4;
    options.proven = setting.proven;
    if (setting.dense) {
        options.rest_between_faults = milliseconds(1500);
    }
    if (setting.switchovers) {
        options.failsafe = true;
        options.weights.switchover = kManySwitchovers;
    }
    if (setting.busy) {
        options.busy = true;
        options.weights.busy = kOftenBusy;
    }
    if (setting.misled) {
        options.weights.misled = kOftenMisled;
    }
    return options;
}

Options nothing_but_busy(std::uint64_t seed, Time most, sentinel::ProvenWrites proven) {
    auto options = options_for(seed, {proven, false, 0, false, true});
    options.weights = {0, 0, 0, 0, 0, 0, kOftenBusy};
    options.busy_most = most;
    options.nothing_but_busy = true;
    return options;
}

Options nothing_but_misled(std::uint64_t seed) {
    auto options = options_for(seed);
    options.nodes = 3;
    options.weights = {0, 0, 0, 0, 0, 0, 0, kOftenMisled};
    return options;
}

namespace {

/// The faults that a rule is there for come more often when it is gone.
void turn_against(Without rule, Options& options) {
    auto& weights = options.weights;
    weights = {};
    switch (rule) {
        case Without::time_from_before_the_question:
            // A mark that is seen long before its writer hears of it, and no newer one because the next does not
            // arrive.
            weights.store = 150;
            weights.network = 150;
            weights.switchover = kManySwitchovers;
            options.rest_between_faults = milliseconds(500);
            break;
        case Without::doubt_of_restarted_nodes:
            weights.node = 80;
            weights.store = 60;
            break;
        case Without::the_word_of_the_joining:
            weights.node = 60;
            weights.network = 60;
            weights.store = 60;
            break;
        case Without::takeover_of_the_role:
            weights.portal = 100;
            break;
        case Without::the_wait_for_failsafe:
            weights.store = 40;
            weights.switchover = kManySwitchovers;
            break;
        default:
            weights.node = 80;
            weights.network = 40;
            break;
    }
}

}  // namespace

std::vector<Failure> run_seeds(std::uint64_t first, std::uint64_t steps, const Setting& setting, Totals& totals) {
    std::vector<Failure> failures;
    for (auto seed = first; totals.steps < steps; ++seed) {
        const auto outcome = World(options_for(seed, setting)).run();
        ++totals.runs;
        totals.steps += outcome.steps;
        totals.faults += outcome.faults;
        totals.leaders += outcome.failovers;
        totals.acknowledged += outcome.acknowledged;
        totals.excused += outcome.excused;
        totals.simulated += outcome.lasted;
        totals.slowest_mend = std::max(totals.slowest_mend, outcome.mended_after);
        for (const auto& violation : outcome.violations) {
            failures.push_back({seed, violation});
        }
    }
    return failures;
}

std::string describe(const Totals& totals) {
    char text[300];
    const auto in_seconds = [](Time time) { return std::chrono::duration<double>(time).count(); };
    std::snprintf(text, sizeof text,
                  "%llu runs, %llu steps, %.0f simulated seconds, %llu faults, %llu leaders recorded, %llu writes "
                  "acknowledged (%llu excused); served by all at most %.1f s after the faults",
                  static_cast<unsigned long long>(totals.runs), static_cast<unsigned long long>(totals.steps),
                  in_seconds(totals.simulated), static_cast<unsigned long long>(totals.faults),
                  static_cast<unsigned long long>(totals.leaders), static_cast<unsigned long long>(totals.acknowledged),
                  static_cast<unsigned long long>(totals.excused), in_seconds(totals.slowest_mend));
    return text;
}

std::optional<Noticed> notices(Without rule, std::uint64_t first, std::uint64_t steps, sentinel::ProvenWrites proven) {
    std::uint64_t done = 0;
    for (auto seed = first; done < steps; ++seed) {
        auto options = rule == Without::patience_with_the_busy
                           ? nothing_but_busy(seed, seconds(9), proven)
                           : options_for(seed, {proven, true, 0, rule == Without::the_wait_for_failsafe, false});
        options.without = rule;
        if (rule == Without::the_look_for_twins) {
            options = nothing_but_misled(seed);
            options.without = rule;
        } else if (rule != Without::patience_with_the_busy) {
            turn_against(rule, options);
        }
        const auto outcome = World(options).run();
        done += outcome.steps;
        if (outcome.violations.empty()) {
            continue;
        }
        options.without = Without::nothing;
        if (World(options).run().violations.empty()) {
            return Noticed{seed, done, outcome.violations.front()};
        }
    }
    return std::nullopt;
}

}  // namespace portal::simulation
