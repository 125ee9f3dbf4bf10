// Runs seeds of the simulation until one fails or the wanted number of steps is done; prints figures. For long runs by
// hand: `simulate --proven strict --steps 5000000 [--seed 1] [--portals 3] [--dense] [--busy]`, or `simulate --seed 7
// --show` to see what one seed does.
#include "scenario.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

namespace {

std::optional<portal::sentinel::ProvenWrites> mode(const std::string& word) {
    using portal::sentinel::ProvenWrites;
    return word == "off"         ? std::optional(ProvenWrites::off)
           : word == "available" ? std::optional(ProvenWrites::available)
           : word == "strict"    ? std::optional(ProvenWrites::strict)
                                 : std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace portal::simulation;
    std::uint64_t seed = 1;
    std::uint64_t steps = 5'000'000;
    bool show = false;
    Setting setting;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--show") {
            show = true;
        } else if (word == "--seed" && i + 1 < argc) {
            seed = std::strtoull(argv[++i], nullptr, 10);
        } else if (word == "--steps" && i + 1 < argc) {
            steps = std::strtoull(argv[++i], nullptr, 10);
        } else if (word == "--dense") {
            setting.dense = true;
        } else if (word == "--switchovers") {
            setting.switchovers = true;
        } else if (word == "--busy") {
            setting.busy = true;
        } else if (word == "--portals" && i + 1 < argc) {
            setting.portals = std::strtoull(argv[++i], nullptr, 10);
        } else if (word == "--proven" && i + 1 < argc && mode(argv[i + 1])) {
            setting.proven = *mode(argv[++i]);
        } else {
            std::fprintf(
                stderr,
                "usage: simulate [--proven off|available|strict] [--portals N] [--dense] [--switchovers] [--busy] "
                "[--seed N] [--steps N] "
                "[--show]\n");
            return 2;
        }
    }
    if (show) {
        auto options = options_for(seed, setting);
        options.trace = true;
        const auto outcome = World(options).run();
        std::printf("seed %llu: %llu steps, %zu violations\n", static_cast<unsigned long long>(seed),
                    static_cast<unsigned long long>(outcome.steps), outcome.violations.size());
        return outcome.violations.empty() ? 0 : 1;
    }
    const auto began = std::chrono::steady_clock::now();
    Totals totals;
    const auto failed = run_seeds(seed, steps, setting, totals);
    const auto took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    std::printf("%s\n%.1f s\n", describe(totals).c_str(), took);
    for (const auto& failure : failed) {
        std::printf("seed %llu: %s\n", static_cast<unsigned long long>(failure.seed), failure.violation.c_str());
    }
    return failed.empty() ? 0 : 1;
}
