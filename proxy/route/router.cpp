#include "route/router.hpp"

namespace portal::route {

using command::Affinity;
using command::Handling;
using command::TransactionPhase;

namespace {

/// Commands whose meaning is the portal's own, whatever state the connection is in.
bool always_local(Handling handling) {
    return handling == Handling::quit || handling == Handling::reset;
}

/// Inside a transaction, the node judges every command in its place.
bool node_judges(const Client& client) {
    return client.transaction == TransactionPhase::open || client.transaction == TransactionPhase::exec_sent;
}

/// To stop listening needs no leader.
bool needs_leader(const command::CommandRow& row) {
    return row.handling != Handling::unsubscribe && row.handling != Handling::punsubscribe &&
           row.handling != Handling::sunsubscribe;
}

}  // namespace

Destination route(const command::CommandRow& row, bool blocks, const Client& client, bool forwarding) noexcept {
    if (always_local(row.handling) || client.transaction == TransactionPhase::broken) {
        return Destination::local;
    }
    if (row.affinity == Affinity::local && !node_judges(client)) {
        return Destination::local;
    }
    if (row.handling == Handling::ping && client.resp2_subscriber) {
        return Destination::local;
    }
    if (!forwarding && (node_judges(client) || needs_leader(row))) {
        return Destination::hold;
    }
    if (row.affinity == Affinity::feed && !node_judges(client)) {
        return Destination::feed;
    }
    const bool own_link = row.affinity == Affinity::pinned && (row.handling != Handling::blocking || blocks);
    return own_link || client.needs_link || node_judges(client) ? Destination::pinned : Destination::shared;
}

}  // namespace portal::route
