#include "route/router.hpp"

namespace portal::route {

using command::Affinity;
using command::Handling;
using command::SessionState;
using command::Transaction;

namespace {

/// Commands whose meaning is the portal's own, whatever state the connection is in.
bool always_local(Handling handling) {
    return handling == Handling::quit || handling == Handling::reset;
}

/// Inside a transaction, the node judges every command in its place.
bool node_judges(const SessionState& state) {
    return state.transaction == Transaction::open || state.transaction == Transaction::exec_sent;
}

/// To stop listening needs no leader.
bool needs_leader(const command::CommandRow& row) {
    return row.handling != Handling::unsubscribe && row.handling != Handling::punsubscribe &&
           row.handling != Handling::sunsubscribe;
}

}  // namespace

Destination route(const command::CommandRow& row, bool blocks, const SessionState& state, bool forwarding) noexcept {
    if (always_local(row.handling) || state.transaction == Transaction::broken) {
        return Destination::local;
    }
    if (row.affinity == Affinity::local && !node_judges(state)) {
        return Destination::local;
    }
    if (row.handling == Handling::ping && state.resp2_subscriber()) {
        return Destination::local;
    }
    if (!forwarding && (node_judges(state) || needs_leader(row))) {
        return Destination::hold;
    }
    if (row.affinity == Affinity::feed && !node_judges(state)) {
        return Destination::feed;
    }
    const bool own_link = row.affinity == Affinity::pinned && (row.handling != Handling::blocking || blocks);
    return own_link || state.needs_pinned() ? Destination::pinned : Destination::shared;
}

}  // namespace portal::route
