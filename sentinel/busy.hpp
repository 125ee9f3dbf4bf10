// Whether a node that owes an answer is busy or dead. The whole rule stands here. Pure: time is passed in.
#pragma once

#include "sentinel/observation.hpp"

#include <optional>
#include <string>

namespace portal::sentinel {

/// All that speaks for or against a node that does not answer properly.
struct Signs {
    /// It has owed a proper answer since: neither silence nor -BUSY or -LOADING is one.
    TimePoint unserved_since;
    TimePoint answered_at;   // its newest answer, also an error
    bool says_busy = false;  // that one was -BUSY or -LOADING
    /// Of the newest question. Nothing while none has waited for long enough to look.
    std::optional<KernelSigns> kernel;
    /// The agent's newest word about the very process that answered last.
    std::optional<AgentWord> agent;
};

struct Patience {
    Milliseconds down_after{1000};
    Milliseconds busy_after{10000};  // 0: nobody is busy
};

struct BusyVerdict {
    bool busy = false;     // alive, so it keeps its role for now
    bool overdue = false;  // alive by the same signs, but for longer than `busy_after`
    std::string why;       // goes after "NODE is busy: " or "NODE is silent: "
};

/// For a node that has not answered for `down_after`, or that answers -BUSY or -LOADING.
BusyVerdict judge_busy(const Signs& signs, const Patience& patience, TimePoint now);

}  // namespace portal::sentinel
