// Which process answers at each node, and when it was last asked: what the monitor's probes have seen. A process is
// known by its INFO, or by the connection on which it has given that before, whatever it answers there now. Shards look
// when they have lost a connection, since another process may answer there by now, perhaps without its data. Any
// thread.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace portal::replication {

class ProcessSightings {
  public:
    using Time = std::chrono::steady_clock::time_point;
    struct Sighting {
        std::string run_id;
        Time asked_at;  // it answered after this moment
    };

    void note(const std::string& node, Sighting sighting) {
        const std::lock_guard lock(mutex_);
        newest_.insert_or_assign(node, std::move(sighting));
    }
    [[nodiscard]] std::optional<Sighting> newest(const std::string& node) const {
        const std::lock_guard lock(mutex_);
        const auto found = newest_.find(node);
        return found == newest_.end() ? std::nullopt : std::optional(found->second);
    }

  private:
    mutable std::mutex mutex_;
    std::map<std::string, Sighting> newest_;
};

}  // namespace portal::replication
