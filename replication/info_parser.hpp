// Reads the text of INFO (sections server, persistence, replication, modules and keyspace, in any order, others
// ignored) into what the monitor needs. Pure; accepts any text and leaves out what it does not find.
#pragma once

#include "replication/node.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portal::replication {

/// One replica as its leader lists it (`slaveN:ip=...,port=...,state=...,offset=...,lag=...`).
struct ConnectedReplica {
    Endpoint endpoint;
    std::string state;  // "online" once the first synchronization is done
    std::uint64_t offset = 0;
    std::int64_t lag = -1;  // seconds since its last acknowledgement; -1 when it has sent none
    bool operator==(const ConnectedReplica&) const = default;
};

/// Redis's default of `replica-priority`.
inline constexpr std::uint32_t kUsualPriority = 100;

/// What a node says of itself.
struct NodeReport {
    Role role = Role::unknown;
    std::string run_id;  // changes with each start of the process
    std::string version;
    bool loading = false;
    bool cluster = false;  // it runs in cluster mode

    // Of a replica: the leader that it follows and the state of that link.
    Endpoint leader;
    bool link_up = false;
    std::int64_t leader_heard_seconds_ago = -1;  // -1 when the link is down
    bool sync_in_progress = false;
    /// `replica-priority` of a replica: the lower, the sooner it is promoted; 0: never. A leader does not say its own.
    std::uint32_t priority = kUsualPriority;

    // Replication history: `replid` names it, `offset` is how far this node has come in it. After a promotion the
    // history that it continues is `former_replid`, up to `former_offset`.
    std::string replid;
    std::string former_replid;
    std::int64_t former_offset = -1;
    std::uint64_t offset = 0;

    std::uint64_t keys = 0;  // over all databases
    std::string barred;      // why it must not be promoted, as a sentence of whoever looked at it; INFO says none
    std::vector<ConnectedReplica> replicas;
    std::vector<std::string> modules;  // names of those that it has loaded, in its order

    bool operator==(const NodeReport&) const = default;
};

/// Parses INFO's text. Nothing when it holds no `role`, which every server since 2.8 sends.
std::optional<NodeReport> parse_info(std::string_view text);

/// True when `report` continues the history `replid`.
bool descends_from(const NodeReport& report, std::string_view replid) noexcept;

/// True when the data of both nodes came from one replication history, as far as they can tell.
bool share_history(const NodeReport& a, const NodeReport& b) noexcept;

}  // namespace portal::replication
