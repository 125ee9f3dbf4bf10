// Whether the process at the node that is routed to is still the one that it is routed to for. Who loses a connection
// does not know: another process may answer there by now, perhaps without its data. So connections that are made then
// are not used before the monitor has seen who answers, however long that takes: a monitor that turns sees an answer,
// or takes the node for dead. Pure: is given what the monitor has seen.
#pragma once

#include "replication/process_sightings.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

namespace portal::upstream {

class ProcessWatch {
  public:
    using Time = replication::ProcessSightings::Time;
    using Sighting = replication::ProcessSightings::Sighting;
    /// The node is routed to for the sake of this process; empty: it is not known which. True: of another one than
    /// before.
    bool expect(const std::string& run_id) {
        if (run_id == run_id_) {
            return false;
        }
        lost_at_.reset();
        return !std::exchange(run_id_, run_id).empty() && !run_id.empty();
    }
    /// A connection that was in use is lost.
    void link_lost(Time now) {
        if (!run_id_.empty()) {
            lost_at_ = now;
        }
    }
    [[nodiscard]] bool doubts() const noexcept { return lost_at_.has_value(); }
    /// Whether a connection that is made now may lead to another process. `seen`: the newest that the monitor knows.
    [[nodiscard]] bool doubtful(const std::optional<Sighting>& seen) {
        if (lost_at_ && seen && seen->asked_at >= *lost_at_ && seen->run_id == run_id_) {
            lost_at_.reset();
        }
        return lost_at_.has_value();
    }

  private:
    std::string run_id_;
    std::optional<Time> lost_at_;
};

}  // namespace portal::upstream
