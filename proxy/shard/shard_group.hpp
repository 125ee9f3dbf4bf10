// All shards of the process as one: starts them, deals connections to them in turn, hands out snapshots, drains, stops.
#pragma once

#include "certs/cert_store.hpp"
#include "certs/peer_tls.hpp"
#include "certs/ticket_keys.hpp"
#include "config/config.hpp"
#include "shard/shard.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace portal::shard {

class ShardGroup final : private session::ShardPeers {
  public:
    using Trouble = std::function<void(const std::string& node, std::string_view why)>;
    /// The certificate of each listener; null for plain ones.
    using Certificates = std::vector<certs::CertificateMaterialPtr>;

    using UsersChanged = std::function<void(std::vector<std::string> command)>;

    /// `trouble` and `users_changed` are called on shard threads. `sightings` null: nobody watches the nodes.
    ShardGroup(config::ConfigPtr config, std::shared_ptr<const replication::ForwardPermit> permit, Trouble trouble,
               UsersChanged users_changed = {},
               std::shared_ptr<const replication::ProcessSightings> sightings = nullptr);
    ~ShardGroup();

    /// Goes on by `config`, with TLS contexts for new connections that each shard has of its own. An error sentence,
    /// and nothing changed, if one cannot be made. Once before start() and at any time later, from one thread.
    [[nodiscard]] std::string configure(config::ConfigPtr config, const Certificates& certificates);
    /// Reads the TLS files of `nodes` and makes each shard its own contexts for new links. As above.
    [[nodiscard]] std::string use_nodes(const std::vector<config::Node>& nodes);
    /// By the node's name, of those with TLS. Of the thread that configures.
    [[nodiscard]] const std::map<std::string, certs::PeerTls>& node_tls() const noexcept { return node_tls_; }

    /// Binds the addresses of the configuration. From start() on the first shard accepts there, and deals connections
    /// to all in turn; beyond `limits.sessions` they are only told that there are too many, beyond `most` not even
    /// that. The sentence to print when that is not possible, else empty.
    [[nodiscard]] std::string listen(std::uint64_t most);
    void start();
    /// As if the connected socket had come through `listener`. Any thread.
    void deal(int descriptor, std::size_t listener);
    void stop_listening();
    /// Any thread. `applied` is called once all shards route by it.
    void publish(const replication::TopologyPtr& topology, std::function<void()> applied);
    /// See Shard::drain().
    void drain(net::Turn::Clock::time_point until);
    void stop();

    [[nodiscard]] std::uint64_t open_connections() const noexcept;
    [[nodiscard]] std::vector<const observe::ShardCounters*> counters() const;
    /// The first write that a leader has answered to any shard, of those since `since`; nothing when there was none.
    [[nodiscard]] std::optional<net::Turn::Clock::time_point> first_write(net::Turn::Clock::time_point since) const;
    /// The lowest heartbeat count of all shards' loops.
    [[nodiscard]] std::vector<std::uint64_t> heartbeats() const;
    /// Logins by token since the start, by issuer: all that this process has had, and "other". Any thread.
    struct IssuerLogins {
        std::string issuer;
        std::uint64_t accepted = 0, refused = 0, sessions = 0;
    };
    [[nodiscard]] std::vector<IssuerLogins> logins() const;
    [[nodiscard]] std::size_t size() const noexcept { return shards_.size(); }

  private:
    void admit(int descriptor, std::size_t listener);
    void post(std::uint32_t shard, Task task) override { shards_[shard]->post(std::move(task)); }
    [[nodiscard]] std::uint32_t shards() const noexcept override { return count_; }

    config::ConfigPtr config_;                        // of the thread that configures
    std::vector<config::Serves> serves_;              // by listener
    std::map<std::string, certs::PeerTls> node_tls_;  // likewise
    std::uint32_t leading_;  // shards that serve from the leader; those behind them serve from replicas
    std::uint32_t count_;
    std::shared_ptr<const certs::TicketKeys> ticket_keys_;
    std::atomic<std::shared_ptr<const std::vector<std::string>>> issuers_;  // grows only
    std::vector<std::unique_ptr<Shard>> shards_;
    observe::Counter session_limit_;  // written by the thread that configures
    observe::Counter dealt_;          // written by the first shard's thread
    std::uint64_t most_connections_ = std::numeric_limits<std::uint64_t>::max();
};

/// How many shards `threads: auto` means: the processors that this process may use, by affinity and cgroup quota.
[[nodiscard]] std::uint32_t usable_processors();

}  // namespace portal::shard
