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

/// Inside a transaction or RESP2 subscriber mode, the node judges every command in its place.
bool node_judges(const SessionState& state) {
    return state.transaction == Transaction::open || state.transaction == Transaction::exec_sent ||
           (state.subscriptions.count() > 0 && state.protocol == resp::Protocol::resp2);
}

}  // namespace

Destination route(const command::CommandRow& row, bool blocks, const SessionState& state, bool forwarding) noexcept {
    if (always_local(row.handling) || state.transaction == Transaction::broken) {
        return Destination::local;
    }
    if (row.affinity == Affinity::local && !node_judges(state)) {
        return Destination::local;
    }
    if (!forwarding) {
        return Destination::hold;
    }
    const bool own_link = row.affinity == Affinity::pinned && (row.handling != Handling::blocking || blocks);
    return own_link || state.needs_pinned() ? Destination::pinned : Destination::shared;
}

}  // namespace portal::route
