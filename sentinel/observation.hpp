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
    silent,    // no answer in time, or no way there, or its name cannot be looked up
    waiting    // a question waits for its answer still; `kernel` says what became of it so far
};

/// What TCP knows of the machine at the other end of a connection.
struct KernelSigns {
    TimePoint acknowledged_at;  // the newest acknowledgement that came from there
    bool outstanding = false;   // something was sent that is not acknowledged yet
    /// The same process has answered over this very connection before, so it is the one that is silent now.
    bool kept = false;
};

/// What the agent beside a node says of the node's process.
enum class ProcessState : std::uint8_t {
    idle,     // it waits for something that is no processor and no disk
    working,  // it has a processor, or waits for one or for a disk
    stopped,  // by a signal, a debugger or a frozen control group: it cannot answer
    ended     // it is gone, or its memory is being written to a core file
};
struct AgentWord {
    ProcessState state = ProcessState::idle;
    TimePoint at;        // the agent looked after this moment
    std::string run_id;  // of that process, as Redis names it
};

struct Observation {
    std::string node;
    ProbeResult result = ProbeResult::silent;
    TimePoint asked_at;  // the report was made after this moment
    TimePoint at;
    std::string detail;  // for people: what went wrong
    std::optional<replication::NodeReport> report;
    std::vector<std::string> addresses;   // what the node's host was looked up to
    std::optional<KernelSigns> kernel{};  // of a question that waits, or had no answer
    /// Of an answer: the process that has given it, also where this answer does not say; empty: it has never said.
    std::string run_id{};
};

}  // namespace portal::sentinel
