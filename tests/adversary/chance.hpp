// Seeded randomness, one stream for each thread that draws from it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace portal::adversary {

class Chance {
  public:
    explicit Chance(std::uint64_t seed) : engine_(seed) {}

    [[nodiscard]] std::uint64_t bits() { return engine_(); }
    /// 0 to `count` - 1.
    [[nodiscard]] std::size_t below(std::size_t count) { return count == 0 ? 0 : engine_() % count; }
    [[nodiscard]] std::size_t between(std::size_t least, std::size_t most) { return least + below(most - least + 1); }
    [[nodiscard]] bool hits(double share) {
        return share > 0 && static_cast<double>(engine_() >> 11U) < share * 9007199254740992.0;
    }
    template <typename Each>
    [[nodiscard]] const Each& one_of(const std::vector<Each>& all) {
        return all[below(all.size())];
    }

  private:
    std::mt19937_64 engine_;
};

}  // namespace portal::adversary
