// HELLO [protover [AUTH username password] [SETNAME clientname]], as redis-server reads it. Pure.
#pragma once

#include "resp/reply_writer.hpp"
#include "resp/request_view.hpp"

#include <optional>
#include <string>

namespace portal::conversation {

struct HelloRequest {
    resp::Protocol protocol = resp::Protocol::resp2;
    std::optional<std::string> name;
    bool logs_in = false;
    std::string username, password;
    std::string error;  // not empty: what is wrong with it, and nothing else counts
};

/// `present` is the protocol so far.
[[nodiscard]] HelloRequest read_hello(const resp::RequestView& request, resp::Protocol present);

}  // namespace portal::conversation
