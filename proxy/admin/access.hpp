// Who may change something through an HTTP port: whoever can open the process's own unix socket, or has its token, and
// never a web page. Where a connection comes from says nothing: behind a sidecar everybody is on loopback.
#pragma once

#include "admin/http_message.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace portal::admin {

/// The header by which a client of the socket says which process it means.
inline constexpr std::string_view kInstanceHeader = "Redis-Portal-Instance";

struct ChangeAccess {
    std::string section = "admin";          // of the configuration, for sentences
    std::optional<std::string> socket;      // over which changes are taken, if any
    std::optional<std::string> token_file;  // read for each change, so that a new token counts at once
    std::string instance = new_instance();

    /// Random, so that a client knows the process again over another way.
    [[nodiscard]] static std::string new_instance();
};

/// Empty when the request may change something, else the answer that refuses it: JSON with the sentence as `error`, and
/// with `socket` and `instance` when there is a socket to go to instead. Reads a small file.
[[nodiscard]] std::optional<Response> refuse_change(const ChangeAccess& access, const Request& request,
                                                    const Peer& peer);

}  // namespace portal::admin
