// What the agent's threads share: the main thread takes samples, those of the HTTP servers answer from them.
#pragma once

#include "agent/volume_usage.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

namespace portal::agent {

class AgentState {
  public:
    /// The node is about to stop: portals that see this make another node lead.
    std::atomic<bool> leaving{false};
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
    /// Bytes that a rewrite of the append-only file or a save would write beside what is there.
    std::atomic<std::uint64_t> rewrite_bytes{0};

  private:
    mutable std::mutex mutex_;
    std::optional<VolumeUsage> volume_;  // the last one that could be read
};

}  // namespace portal::agent
