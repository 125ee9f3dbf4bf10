// Who may change something through the admin port. There is no login: what changes a portal is taken only from the same
// machine, and never from a web page.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/ip/address.hpp>

namespace portal::admin {

/// True for 127.0.0.0/8, ::1 and the former written as an IPv6 address.
[[nodiscard]] bool is_loopback(const boost::asio::ip::address& peer);

/// Empty when the request may change something, else the sentence that refuses it. `origin` is the header of that name
/// (RFC 6454), which browsers send with every POST and command line tools do not.
[[nodiscard]] std::optional<std::string> refuse_change(const boost::asio::ip::address& peer,
                                                       std::optional<std::string_view> origin);

}  // namespace portal::admin
