// The commands by which the acting portal changes roles. Each opens a connection of its own, does one thing within its
// deadline and says what became of it. Lives on the monitor's thread.
#pragma once

#include "config/config.hpp"
#include "replication/info_parser.hpp"
#include "sentinel/control_link.hpp"
#include "sentinel/observation.hpp"

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace portal::sentinel {

struct CommandOutcome {
    std::string error;  // empty: done
    /// What the node said of itself afterwards, and the moment after which it said so.
    std::optional<replication::NodeReport> report;
    TimePoint asked_at;
};

class NodeCommands {
  public:
    NodeCommands(boost::asio::any_io_executor executor, SharedLogin login, Milliseconds deadline)
        : executor_(std::move(executor)), login_(std::move(login)), deadline_(deadline) {}

    /// REPLICAOF NO ONE, verified.
    [[nodiscard]] boost::asio::awaitable<CommandOutcome> promote(config::Node node) const;
    /// REPLICAOF to the leader; the node's next report shows the effect. Never to the process that reports
    /// `leader_run`, which is the leader itself: a node's address may lead elsewhere than at the last probe.
    [[nodiscard]] boost::asio::awaitable<CommandOutcome> follow(config::Node node, replication::Endpoint leader,
                                                                std::string leader_run) const;
    /// Moves the role from a living leader to its replica without losing a write: a pause of writes until the replica
    /// has caught up, which takes milliseconds; where the leader does not take that (no permission), FAILOVER TO, which
    /// takes up to a second. `listed` is the replica's address as the leader knows it. The report is the new leader's.
    /// An old leader that cannot be made a replica stays paused for `guarded` after the other one was promoted.
    [[nodiscard]] boost::asio::awaitable<CommandOutcome> hand_over(config::Node from, config::Node to,
                                                                   replication::Endpoint listed,
                                                                   Milliseconds guarded) const;

  private:
    [[nodiscard]] boost::asio::awaitable<CommandOutcome> hand_over_paused(std::shared_ptr<ControlLink> old_leader,
                                                                          std::shared_ptr<ControlLink> replica,
                                                                          config::Node to) const;
    [[nodiscard]] boost::asio::awaitable<CommandOutcome> fail_over(std::shared_ptr<ControlLink> old_leader,
                                                                   std::shared_ptr<ControlLink> replica,
                                                                   replication::Endpoint listed,
                                                                   std::string no_pause) const;

    boost::asio::any_io_executor executor_;
    SharedLogin login_;
    Milliseconds deadline_;
};

}  // namespace portal::sentinel
