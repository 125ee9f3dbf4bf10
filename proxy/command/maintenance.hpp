// CLIENT MAINT_NOTIFICATIONS as clients of Redis Enterprise send it, and the pushes that they understand. Nobody has
// published the protocol: these are the forms that redis-py, go-redis, node-redis, Lettuce and Jedis all read. Pure.
#pragma once

#include "resp/request_view.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portal::command {

/// How a client wants to be told where it is to move to.
enum class MovingEndpoint : std::uint8_t {
    not_asked,  // it wants no notices
    any,        // it has not said
    internal_ip,
    internal_fqdn,
    external_ip,
    external_fqdn,
    none,  // not at all: it goes to the address that it was configured with
};

struct MaintenanceRequest {
    MovingEndpoint endpoint = MovingEndpoint::not_asked;  // for OFF, too
    std::string error;                                    // what is wrong with it, else empty
};

/// CLIENT MAINT_NOTIFICATIONS ON [moving-endpoint-type TYPE], or OFF; in any case of letters.
[[nodiscard]] MaintenanceRequest read_maintenance(const resp::RequestView& request);

/// What is known of where clients reach the portals together.
struct KnownEndpoints {
    std::string_view server_name;      // that the client has named in its TLS handshake; empty: none
    std::string_view advertised_host;  // of the listener's configuration; empty: none
    std::uint16_t advertised_port = 0;
    std::string_view balanced_address;  // where the client has reached the load balancer, an address; empty: none
    std::uint16_t balanced_port = 0;
};

/// Where a client that wants `wanted` is to be sent.
struct MoveTo {
    bool told = false;    // it can be told in the form that it wants
    std::string address;  // "host:port"; empty: none, for a client that asked for none
};
/// Never an address of IPv6, which node-redis and Lettuce cannot read.
[[nodiscard]] MoveTo move_to(MovingEndpoint wanted, const KnownEndpoints& known);

// --- pushes of RESP3. `number` is the same for all clients that are told of the same thing, and never goes back.
/// The leader is being replaced: commands wait.
[[nodiscard]] std::string failing_over(std::int64_t number);
/// They go on. Belongs to a failing_over() before it.
[[nodiscard]] std::string failed_over(std::int64_t number);
/// The connection ends in `seconds`. `address` empty: the client is not told where else to connect.
[[nodiscard]] std::string moving(std::int64_t number, std::int64_t seconds, std::string_view address);

}  // namespace portal::command
