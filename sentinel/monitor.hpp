// The failover side of a portal: probes the nodes, keeps the shared record with the other portals, decides, acts, and
// publishes what shards route by. Owns its io_context and its thread; knows nothing of clients and shards.
#pragma once

#include "config/config.hpp"
#include "replication/forward_permit.hpp"
#include "replication/process_sightings.hpp"
#include "replication/topology.hpp"
#include "sentinel/arbiter/arbiter.hpp"
#include "sentinel/flight_recorder.hpp"
#include "sentinel/login.hpp"
#include "sentinel/observation.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

namespace portal::sentinel {

class Monitor {
  public:
    /// Called on the monitor's thread with each new view. `applied` must be called once every shard routes by it; it
    /// may be called from any thread, also from inside this call, and also after the monitor is gone. A view with an
    /// epoch equal to the one before replaces it (fencing and leading share an epoch).
    using Publish = std::function<void(replication::TopologyPtr topology, std::function<void()> applied)>;

    Monitor(const config::Config& config, std::unique_ptr<Arbiter> arbiter,
            std::shared_ptr<replication::ForwardPermit> permit, Publish publish);
    ~Monitor();
    Monitor(const Monitor&) = delete;
    Monitor& operator=(const Monitor&) = delete;

    /// What this portal's clients have met with so far, and the first write answered since `since`. Called each turn,
    /// on the monitor's thread.
    using Tally = std::function<ClientTally(TimePoint since)>;
    /// Once, before start().
    void watch_clients(Tally tally);
    /// Which processes the probes have seen is noted there. Once, before start().
    void note_sightings(std::shared_ptr<replication::ProcessSightings> sightings);
    void start();
    /// Gives the acting role away, removes this portal's mark and joins the thread. Takes as long as a few calls of the
    /// arbiter: milliseconds, or some seconds when it does not answer.
    void stop();

    /// Live traffic saw trouble with a node: probe it now. Any thread.
    void report_trouble(const std::string& node, const std::string& what);
    /// What the agent beside that node says of the node's process. Any thread.
    void note_process(const std::string& node, AgentWord word);
    /// A planned change of leader, to the named node or to the best replica. While no leader was ever recorded, it
    /// decides which node becomes the first. `done` gets an error sentence or an empty string, on the monitor's thread.
    /// Any thread.
    void switchover(std::optional<std::string> to, std::function<void(std::string error)> done);
    /// Watches these nodes from now on. A node that leads and is not among them is watched, and led by, until another
    /// one leads; one whose address or TLS is new is looked at before anything is forwarded to it. Any thread.
    void set_nodes(std::vector<config::Node> nodes);
    /// New connections to nodes are logged in like this from now on, and whether the nodes take it is tried at once.
    /// Any thread.
    void use_login(Login login);
    /// Settings that the nodes are to have from now on. Any thread.
    void use_settings(const config::NodeConfig& wanted);
    /// Users that the nodes are to have from now on. Any thread.
    void use_users(const config::Acl& wanted);
    /// The leader has executed this ACL command of a client. Any thread.
    void users_changed(std::vector<std::string> command);
    /// A snapshot for /status.json and the metrics. Any thread.
    [[nodiscard]] boost::json::object status() const;

  private:
    class Loop;
    std::shared_ptr<Loop> loop_;
};

}  // namespace portal::sentinel
