// Where a client came in and from; for CLIENT INFO and the log. A value.
#pragma once

#include "config/config.hpp"

#include <cstdint>
#include <optional>

#include <boost/asio/ip/tcp.hpp>

namespace portal::session {

struct ClientOrigin {
    std::uint64_t id = 0;
    boost::asio::ip::tcp::endpoint remote;
    boost::asio::ip::tcp::endpoint local;
    int descriptor = -1;
    std::uint16_t listener = 0;  // its place in the configuration
    bool expects_proxy_header = false;
    bool balanced = false;  // a load balancer has said where the client came in: `local` is there
    std::optional<config::InDoubt> in_doubt = std::nullopt;  // of the listener; empty: as writes.in_doubt
    std::optional<config::OnGap> on_gap = std::nullopt;      // of the listener; empty: as pubsub.on_gap
};

}  // namespace portal::session
