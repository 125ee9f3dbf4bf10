// What /proc says of the process of the node beside the agent: whether it works, waits, is stopped or has ended. So
// portals can tell a node that is busy from one that cannot answer. Holds no state, so any thread may look.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace portal::agent {

/// One process, not merely its number, which another one may have later.
struct ProcessId {
    std::uint64_t number = 0;
    std::uint64_t started = 0;  // in clock ticks since the machine started
    bool operator==(const ProcessId&) const = default;
};

/// The process that Redis says it is, by `process_id` and `uptime_in_seconds` of INFO. Nothing when no such process is
/// seen from here, or one of another age: agent and node may have process numbers of their own (two containers).
[[nodiscard]] std::optional<ProcessId> find_process(std::uint64_t number, std::uint64_t uptime_seconds,
                                                    const std::string& proc = "/proc");

/// `working`, `idle`, `stopped` or `ended`, as sentinel/observation.hpp explains them.
[[nodiscard]] std::string look_at(const ProcessId& process, const std::string& proc = "/proc",
                                  const std::string& cgroups = "/sys/fs/cgroup");

}  // namespace portal::agent
