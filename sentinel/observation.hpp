// What one probe of one node saw. Pure values.
#pragma once

#include "replication/info_parser.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace portal::sentinel {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Milliseconds = std::chrono::milliseconds;

enum class ProbeResult : std::uint8_t {
    answered,  // a report came
    denied,    // it answers, but with an error (a wrong password, a missing permission): alive, yet unreadable
    broken,    // an established connection ended; a reconnect follows at once
    refused,   // nothing listens there
    silent     // no answer in time, or no way there, or its name cannot be looked up
};

struct Observation {
    std::string node;
    ProbeResult result = ProbeResult::silent;
    TimePoint asked_at;  // the report was made after this moment
    TimePoint at;
    std::string detail;  // for people: what went wrong
    std::optional<replication::NodeReport> report;
    std::vector<std::string> addresses;  // what the node's host was looked up to
};

}  // namespace portal::sentinel
