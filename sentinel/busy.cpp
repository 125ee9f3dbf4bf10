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

}  // namespace

BusyVerdict judge_busy(const Signs& signs, const Patience& patience, TimePoint now) {
    if (patience.busy_after == Milliseconds(0)) {
        return {false, "no answer"};
    }
    const auto said = word(signs, now);
    if (said == ProcessState::stopped) {
        return {false, "its process is stopped, as its agent says"};
    }
    if (said == ProcessState::ended) {
        return {false, "its process has ended, as its agent says"};
    }
    if (now - signs.unserved_since >= patience.busy_after) {
        return {false, "no proper answer for busy_after, " + std::to_string(patience.busy_after.count()) + " ms"};
    }
    if (signs.says_busy && now - signs.answered_at < patience.down_after) {
        return {true, "it says so"};
    }
    if (signs.kernel && signs.kernel->kept && now - signs.kernel->acknowledged_at < patience.down_after) {
        return {true, "no answer, but its machine acknowledges what it is sent"};
    }
    const bool cut_off = signs.kernel && signs.kernel->outstanding;
    if (said == ProcessState::working && !cut_off) {
        return {true, "no answer, but its process works, as its agent says"};
    }
    return {false, "no sign of life"};
}

}  // namespace portal::sentinel
