// Decides where one command goes. Pure: command, client and "may this portal forward now" in, one word out.
#pragma once

#include "command/command_table.hpp"
#include "command/transaction_phase.hpp"

namespace portal::route {

enum class Destination : unsigned char {
    local,   // answered by the portal
    shared,  // on the shared link of the session's (user, protocol, database)
    pinned,  // on a link of the session's own
    feed,    // on the link of the shard's subscribers
    hold,    // there is no leader to forward to right now: wait
};

/// What of a client decides where its commands go.
struct Client {
    command::TransactionPhase transaction = command::TransactionPhase::none;
    bool needs_link = false;        // it has state that only a link of its own can hold
    bool resp2_subscriber = false;  // nothing but subscriptions, PING, QUIT and RESET is allowed
};

/// Commands whose meaning is the portal's own, whatever state the connection is in.
[[nodiscard]] constexpr bool always_local(command::Handling handling) noexcept {
    return handling == command::Handling::quit || handling == command::Handling::reset;
}

/// Inside a transaction, the node judges every command in its place.
[[nodiscard]] constexpr bool node_judges(const Client& client) noexcept {
    return client.transaction == command::TransactionPhase::open ||
           client.transaction == command::TransactionPhase::exec_sent;
}

/// To stop listening needs no leader.
[[nodiscard]] constexpr bool needs_leader(const command::CommandRow& row) noexcept {
    return row.handling != command::Handling::unsubscribe && row.handling != command::Handling::punsubscribe &&
           row.handling != command::Handling::sunsubscribe;
}

/// `blocks`: the request may wait inside the node (command::may_block). `forwarding`: there is a leader and this portal
/// may forward to it.
[[nodiscard]] constexpr Destination route(const command::CommandRow& row, bool blocks, const Client& client,
                                          bool forwarding) noexcept {
    if (always_local(row.handling) || client.transaction == command::TransactionPhase::broken) {
        return Destination::local;
    }
    if (row.affinity == command::Affinity::local && !node_judges(client)) {
        return Destination::local;
    }
    if (row.handling == command::Handling::ping && client.resp2_subscriber) {
        return Destination::local;
    }
    if (!forwarding && (node_judges(client) || needs_leader(row))) {
        return Destination::hold;
    }
    if (row.affinity == command::Affinity::feed && !node_judges(client)) {
        return Destination::feed;
    }
    const bool own_link =
        row.affinity == command::Affinity::pinned && (row.handling != command::Handling::blocking || blocks);
    return own_link || client.needs_link || node_judges(client) ? Destination::pinned : Destination::shared;
}

}  // namespace portal::route
