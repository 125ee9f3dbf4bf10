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

/// `blocks`: the request may wait inside the node (command::may_block). `forwarding`: there is a leader and this portal
/// may forward to it.
[[nodiscard]] Destination route(const command::CommandRow& row, bool blocks, const Client& client,
                                bool forwarding) noexcept;

}  // namespace portal::route
