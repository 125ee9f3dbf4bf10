// What the sessions of one shard share. Made and owned by the shard; outlives every session. One thread.
#pragma once

#include <memory>

#include "command/classifier.hpp"
#include "config/config.hpp"
#include "net/deadline.hpp"
#include "net/stream.hpp"
#include "net/turn.hpp"
#include "observe/shard_counters.hpp"
#include "replication/forward_permit.hpp"
#include "replication/topology.hpp"
#include "upstream/link_pool.hpp"

namespace portal::session {

struct SessionRegistry;

struct SessionContext {
    const config::Config& config;
    const command::DenyList& denied;
    const replication::ForwardPermit& permit;
    net::Turn& turn;
    net::Scratch& scratch;
    upstream::LinkPool& links;
    observe::ShardCounters& counters;
    SessionRegistry& registry;

    net::DeadlineQueue handshake_deadlines;
    net::DeadlineQueue idle_deadlines;
    net::DeadlineQueue hold_deadlines;
    net::DeadlineQueue stalled_deadlines;  // the client does not read

    resp::RequestLimits limits;
    resp::RequestLimits unauthenticated_limits;
    std::size_t hold_bytes = 0;  // this shard's part of hold.bytes

    replication::TopologyPtr topology = std::make_shared<const replication::Topology>();
    std::size_t held_bytes = 0;
    bool draining = false;

    /// There is a leader, and the record was confirmed recently enough.
    [[nodiscard]] bool forwarding() const noexcept { return topology->leader && links.usable() && permit.valid(turn.now()); }
};

}  // namespace portal::session
