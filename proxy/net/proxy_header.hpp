// The PROXY protocol, versions 1 and 2: the header in which a load balancer says whom it speaks for, before anything
// else and before TLS. Addresses of TCP over IPv4 and IPv6 are read, everything else in it is skipped.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

namespace portal::net {

struct ProxyHeader {
    enum class Status : unsigned char {
        need_more,
        complete,
        invalid,  // no header, or a broken one, or a longer one than kMaxProxyHeader
    };
    struct Ends {
        boost::asio::ip::tcp::endpoint source, destination;
    };

    Status status = Status::need_more;
    std::size_t size = 0;      // of the whole header, when complete
    std::optional<Ends> ends;  // empty: the balancer speaks for itself (LOCAL), or for something else than TCP
};

/// Far more than addresses and what balancers add to them.
inline constexpr std::size_t kMaxProxyHeader = 4096;

/// Reads the header at the front of `bytes`.
[[nodiscard]] ProxyHeader read_proxy_header(std::string_view bytes);

/// Takes the header, and not one byte more, from a non-blocking socket. `begun` keeps what has come of it so far.
[[nodiscard]] ProxyHeader take_proxy_header(int socket, std::string& begun);

}  // namespace portal::net
