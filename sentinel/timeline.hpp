// When the parts of one change of leader happened, who stopped forwarding, and who could be promoted. Filled in by the
// failover of the portal that acts; another portal knows only what it reads in the record. Pure values.
#pragma once

#include "replication/topology.hpp"
#include "sentinel/observation.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace portal::sentinel {

/// A portal that forwards to the old leader no more.
struct Fenced {
    std::string portal;
    TimePoint at;
    bool said_so = false;  // else its permit must have run out: its mark stood still for fence_after
};

/// A node that was looked at when the new leader was chosen.
struct Candidate {
    std::string node;
    std::optional<std::uint64_t> offset;  // empty: it did not report
    std::string verdict;                  // one sentence: why it was chosen, or why not
};

struct Timeline {
    std::string from;
    std::string to;
    replication::Epoch epoch{0};
    std::string reason;
    bool planned = false;
    std::optional<TimePoint> noticed;   // first sign of trouble
    std::optional<TimePoint> detected;  // held to be lost
    std::optional<TimePoint> fenced;    // no portal forwards
    std::optional<TimePoint> promoted;  // the new leader leads
    std::optional<TimePoint> recorded;  // and is in the record
    std::vector<Fenced> fencing;
    std::vector<Candidate> candidates;

    /// False when the same node leads on: then nothing has changed but the epoch.
    [[nodiscard]] bool changed() const { return from != to; }
};

}  // namespace portal::sentinel
