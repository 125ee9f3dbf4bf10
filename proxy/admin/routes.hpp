// One admin request to one response, without any I/O. A switchover takes time: route() then answers with what to start
// instead of a response, and the server finishes the answer with switchover_response().
#pragma once

#include "admin/access.hpp"
#include "admin/handlers.hpp"
#include "admin/http_message.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace portal::admin {

/// A switchover that was allowed and is to be started; without a name the portal chooses the node.
struct StartSwitchover {
    std::optional<std::string> to;
};

/// Exceptions of handlers come out. A HEAD request gets the response of GET, body included; the server leaves it away.
[[nodiscard]] std::variant<Response, StartSwitchover> route(const AdminHandlers& handlers, const ChangeAccess& access,
                                                            const Request& request, const Peer& peer);

/// `error` empty: it worked; a null `error`: it has not ended within the time that the server waits.
[[nodiscard]] Response switchover_response(const std::optional<std::string>& error);

}  // namespace portal::admin
