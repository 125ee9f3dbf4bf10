// Which node clients are taken to that only read. Pure.
#pragma once

#include "replication/topology.hpp"

#include <cstddef>

namespace portal::replication {

/// There is a leader, and a replica of it that is in sync and not behind.
[[nodiscard]] bool has_replica(const Topology& topology);

/// `topology` as a reader is to see it: in place of the leader stands one of those replicas, the
/// `turn`-th of them counted round, so that readers with different turns spread; the leader itself while there is no
/// replica. Without a leader there is none for readers either: then nobody knows who may be promoted. Nobody has to
/// confirm anything.
[[nodiscard]] Topology for_reads(Topology topology, std::size_t turn);

}  // namespace portal::replication
