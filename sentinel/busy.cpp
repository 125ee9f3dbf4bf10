#include "sentinel/busy.hpp"

#include <algorithm>

namespace portal::sentinel {

namespace {

/// Agents are asked twice a second; two answers may be missing.
constexpr Milliseconds kWordHolds{1500};

/// An answer disproves what the agent had said before it.
std::optional<ProcessState> word(const Signs& signs, TimePoint now) {
    const bool holds = signs.agent && signs.agent->at > signs.answered_at && now - signs.agent->at < kWordHolds;
    return holds ? std::optional(signs.agent->state) : std::nullopt;
}

/// Empty when there is none.
std::string sign_of_life(const Signs& signs, std::optional<ProcessState> said, const Patience& patience,
                         TimePoint now) {
    if (signs.says_busy && now - signs.answered_at < patience.down_after) {
        return "it says so";
    }
    if (signs.kernel && signs.kernel->kept && now - signs.kernel->acknowledged_at < patience.down_after) {
        return "no answer, but its machine acknowledges what it is sent";
    }
    const bool cut_off = signs.kernel && signs.kernel->outstanding;
    return said == ProcessState::working && !cut_off ? "no answer, but its process works, as its agent says" : "";
}

}  // namespace

BusyVerdict judge_busy(const Signs& signs, const Patience& patience, TimePoint now) {
    if (patience.busy_after == Milliseconds(0)) {
        return {false, false, "no answer"};
    }
    const auto said = word(signs, now);
    if (said == ProcessState::stopped) {
        return {false, false, "its process is stopped, as its agent says"};
    }
    if (said == ProcessState::ended) {
        return {false, false, "its process has ended, as its agent says"};
    }
    const auto alive = sign_of_life(signs, said, patience, now);
    if (alive.empty()) {
        return {false, false, "no sign of life"};
    }
    if (now - signs.unserved_since >= patience.busy_after) {
        return {false, true, "no proper answer for busy_after, " + std::to_string(patience.busy_after.count()) + " ms"};
    }
    return {true, false, alive};
}

}  // namespace portal::sentinel
