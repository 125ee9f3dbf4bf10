// What a client that is a replica, or wants to be one, may say to a node, and in which words. Whoever runs the portal
// must be able to tell it from the nodes: no node is listed with port 0. And what a portal denies, or judges, never
// goes by the way of a replica, on which a node executes commands as on any other. Pure.
#pragma once

#include "command/command_table.hpp"
#include "resp/request_view.hpp"

#include <string>
#include <string_view>

namespace portal::conversation {

struct ReplicaRequest {
    std::string frame;  // what the node gets; empty: nothing
    std::string error;  // why it gets nothing, for the client
};

/// Reads REPLCONF, SYNC and PSYNC. `address`: the client's. `streams`: it has the stream already; only then does
/// REPLCONF acknowledge, which is never answered.
[[nodiscard]] ReplicaRequest read_replica_request(const command::CommandRow& row, const resp::RequestView& request,
                                                  std::string_view address, bool streams);

}  // namespace portal::conversation
