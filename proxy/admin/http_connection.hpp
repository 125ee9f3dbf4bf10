// One connection of the HTTP server, over TCP or a unix socket, from its first request to its last answer.
#pragma once

#include "admin/connection_budget.hpp"
#include "admin/http_message.hpp"
#include "admin/http_server.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

namespace portal::admin {

using StreamSocket = boost::asio::generic::stream_protocol::socket;

/// The references must outlive the connection.
boost::asio::awaitable<void> serve_connection(const ServerOptions& options, const Respond& respond,
                                              ConnectionBudget& budget, StreamSocket socket, Peer peer);

}  // namespace portal::admin
