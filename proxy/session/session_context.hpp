// What the sessions of one shard share. Made and owned by the shard; outlives every session. One thread.
#pragma once

#include "command/classifier.hpp"
#include "command/server_commands.hpp"
#include "config/config.hpp"
#include "net/deadline.hpp"
#include "net/loop.hpp"
#include "net/stream.hpp"
#include "net/turn.hpp"
#include "observe/shard_counters.hpp"
#include "replication/forward_permit.hpp"
#include "replication/topology.hpp"
#include "session/client_pause.hpp"
#include "session/deadlines.hpp"
#include "session/large_keys.hpp"
#include "session/shard_peers.hpp"
#include "session/spare_buffers.hpp"
#include "upstream/link_pool.hpp"
#include "upstream/proof_link.hpp"
#include "upstream/subscription_hub.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace portal::session {

struct SessionRegistry;

/// A command of a transaction that travels in one piece, and how many bytes it has.
struct UnitPart {
    const command::CommandRow* row;
    std::size_t size;
};

struct SessionContext {
    /// What the context refers to outlives it. `shards`: how many share hold.bytes.
    struct Parts {
        config::ConfigPtr config;
        const replication::ForwardPermit& permit;
        net::Turn& turn;
        net::Loop& loop;
        net::Scratch& scratch;
        upstream::LinkPool& links;
        upstream::SubscriptionHub& subscriptions;
        observe::ShardCounters& counters;
        SessionRegistry& registry;
        ShardPeers& peers;
        std::uint32_t shard = 0;
        std::uint32_t shards = 1;
        bool reads_only = false;
    };
    explicit SessionContext(const Parts& parts);

    config::ConfigPtr config;
    const replication::ForwardPermit& permit;
    net::Turn& turn;
    net::Loop& loop;
    net::Scratch& scratch;
    SpareBuffers spare;
    std::string gathered;        // room for one write put together from pieces; nothing stays in it
    std::vector<UnitPart> unit;  // behind the MULTI that is being taken
    upstream::LinkPool& links;
    upstream::SubscriptionHub& subscriptions;
    observe::ShardCounters& counters;
    SessionRegistry& registry;
    ShardPeers& peers;
    std::uint32_t shard;  // the number of this one
    std::uint32_t shards;
    const bool reads_only;  // its clients are served by replicas

    command::DenyList denied;
    command::ServerCommands server_commands;  // of the present leader, once it has told them
    resp::RequestLimits limits;
    resp::RequestLimits unauthenticated_limits;
    Deadlines deadlines;  // which of them a client stands in; see Session::arm_deadline()
    net::DeadlineQueue handshake_deadlines;
    net::DeadlineQueue idle_deadlines;
    net::DeadlineQueue hold_deadlines;
    net::DeadlineQueue output_deadlines;
    std::size_t hold_bytes;  // this shard's part of hold.bytes

    replication::TopologyPtr topology = std::make_shared<const replication::Topology>();
    upstream::ProofLink* proof = nullptr;  // with writes.proven
    LargeKeys large_keys;
    std::size_t held_bytes = 0;
    bool draining = false;
    ClientPause pause;
    /// The present leader has answered no write yet.
    bool first_write_due = false;
    /// When the newest leader that has answered one did so first; nanoseconds of the steady clock, 0: never. Read by
    /// any thread.
    observe::Counter first_write_at;

    /// Goes on by another configuration. What waits already waits as long as the new one says.
    void configure(config::ConfigPtr wanted);
    void note_first_write() noexcept;
    /// The error text for what no client of this shard may send; empty: it may.
    [[nodiscard]] std::string_view refusal(const command::CommandRow& row,
                                           const resp::RequestView& request) const noexcept;
    /// Ends what has waited too long.
    void expire_deadlines(net::Turn::Clock::time_point now);
    /// There is a leader, and the record was confirmed recently enough.
    [[nodiscard]] bool forwarding() const noexcept {
        return topology->leader && links.usable() && permit.valid(turn.now());
    }
};

}  // namespace portal::session
