// Counts the calls of an arbiter, for the metrics and the status. Pure; the monitor's thread.
#pragma once

#include "sentinel/observation.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace portal::sentinel {

enum class CallKind : std::uint8_t { read, write, mark, count };
enum class CallResult : std::uint8_t { ok, conflict, error, count };

class ArbiterCalls {
  public:
    void note(CallKind kind, CallResult result, TimePoint asked_at, TimePoint now) {
        auto& calls = kinds_[static_cast<std::size_t>(kind)];
        ++calls.results[static_cast<std::size_t>(result)];
        calls.time += now - asked_at;
    }
    [[nodiscard]] std::uint64_t count(CallKind kind, CallResult result) const {
        return kinds_[static_cast<std::size_t>(kind)].results[static_cast<std::size_t>(result)];
    }
    /// Of all calls of this kind together.
    [[nodiscard]] std::chrono::duration<double> time(CallKind kind) const {
        return kinds_[static_cast<std::size_t>(kind)].time;
    }

  private:
    struct Calls {
        std::array<std::uint64_t, static_cast<std::size_t>(CallResult::count)> results{};
        Clock::duration time{};
    };
    std::array<Calls, static_cast<std::size_t>(CallKind::count)> kinds_{};
};

}  // namespace portal::sentinel
