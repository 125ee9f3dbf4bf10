// What the agent's threads share: the main thread takes samples, those of the HTTP servers answer from them.
#pragma once

#include "agent/process_look.hpp"
#include "agent/volume_usage.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace portal::agent {

class AgentState {
  public:
    using Clock = std::chrono::steady_clock;

    /// The node is about to stop: portals that see this make another node lead. Ends by itself, so that a node that was
    /// said to stop and did not may lead again.
    [[nodiscard]] bool leaving() const { return Clock::now().time_since_epoch().count() < leaving_until_.load(); }
    /// False when it was leaving already; the later end counts.
    bool leave_until(Clock::time_point end) {
        const auto wanted = end.time_since_epoch().count();
        auto before = leaving_until_.load();
        while (before < wanted && !leaving_until_.compare_exchange_weak(before, wanted)) {
        }
        return before <= Clock::now().time_since_epoch().count();
    }
    /// It does not stop after all. True when it was leaving.
    bool stay() { return leaving_until_.exchange(0) > Clock::now().time_since_epoch().count(); }

    std::atomic<std::uint64_t> handed_over{0};      // hand-overs after which another node led
    std::atomic<std::uint64_t> not_handed_over{0};  // and those that ended otherwise

    void note_volume(const VolumeUsage& usage) {
        const std::lock_guard lock(mutex_);
        volume_ = usage;
    }
    [[nodiscard]] std::optional<VolumeUsage> volume() const {
        const std::lock_guard lock(mutex_);
        return volume_;
    }
    /// The node's process, and the name that Redis gives it.
    struct Process {
        ProcessId id;
        std::string run_id;
    };
    void note_process(std::optional<Process> process) {
        const std::lock_guard lock(mutex_);
        process_ = std::move(process);
    }
    [[nodiscard]] std::optional<Process> process() const {
        const std::lock_guard lock(mutex_);
        return process_;
    }
    /// Bytes that a rewrite of the append-only file or a save would write beside what is there.
    std::atomic<std::uint64_t> rewrite_bytes{0};

  private:
    std::atomic<Clock::rep> leaving_until_{0};
    mutable std::mutex mutex_;
    std::optional<VolumeUsage> volume_;  // the last one that could be read
    std::optional<Process> process_;     // as of the last INFO; nothing when it cannot be seen from here
};

}  // namespace portal::agent
