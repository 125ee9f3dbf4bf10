// What a portal does beside failover: asks the agents beside the nodes, has another node lead before the leader stops,
// lets volumes grow, and writes Events. Owns a thread; knows the monitor only through the functions that it is given.
#pragma once

#include "config/upkeep_config.hpp"
#include "sentinel/observation.hpp"
#include "storage/growth.hpp"
#include "storage/volumes.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

namespace portal::storage {

/// What the caretaker needs of the monitor. Called on its thread; must not block.
struct MonitorAccess {
    /// Monitor::status().
    std::function<boost::json::object()> status;
    /// Monitor::switchover().
    std::function<void(std::optional<std::string> to, std::function<void(std::string error)> done)> switchover;
    /// Monitor::note_process().
    std::function<void(const std::string& node, sentinel::AgentWord word)> process;
};

/// What metrics show of one node and its volume.
struct CareView {
    std::string claim;
    std::optional<Usage> usage;
    std::optional<VolumeView> volume;  // of the acting portal only
};

class Caretaker {
  public:
    /// Throws std::runtime_error when Kubernetes is to be used and cannot be found.
    Caretaker(const config::Config& config, const config::Upkeep& upkeep, MonitorAccess monitor);
    ~Caretaker();
    Caretaker(const Caretaker&) = delete;
    Caretaker& operator=(const Caretaker&) = delete;

    /// False when the configuration leaves nothing to do.
    [[nodiscard]] static bool is_needed(const config::Config& config, const config::Upkeep& upkeep);
    void start();
    /// Joins the thread; takes at most as long as one call of the API server.
    void stop();
    /// Any thread.
    [[nodiscard]] std::vector<CareView> views() const;
    /// Writes an Event about the cluster's Lease soon, if the arbiter is Kubernetes. Any thread.
    void tell(bool warning, std::string reason, std::string message);

  private:
    class Loop;
    std::shared_ptr<Loop> loop_;
};

}  // namespace portal::storage
