// A Redis node as the portals know it: a name from the configuration and where it listens.
// Pure values; knows no socket and no clock.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace portal::replication {

/// Where something listens. `host` is a name or an address; names are looked up again for new connections.
struct Endpoint {
    std::string host;
    std::uint16_t port = 0;
    auto operator<=>(const Endpoint&) const = default;
};

/// One configured node. The name is its identity in records, logs and metrics.
struct Node {
    std::string name;
    Endpoint endpoint;
    auto operator<=>(const Node&) const = default;
};

/// What a node says of its own role (INFO replication, field `role`).
enum class Role : std::uint8_t { unknown, leader, replica };

}  // namespace portal::replication
