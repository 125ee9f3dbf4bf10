// What a portal answers on its admin port: the routes, and the wait for a switchover's end.
#pragma once

#include "admin/access.hpp"
#include "admin/handlers.hpp"
#include "admin/http_message.hpp"

#include <chrono>

namespace portal::admin {

/// `access`: who may change something. `switchover_time`: how long a request waits for the end of the switchover that
/// it began.
[[nodiscard]] Respond admin_responder(AdminHandlers handlers, ChangeAccess access,
                                      std::chrono::milliseconds switchover_time = std::chrono::seconds(30));

}  // namespace portal::admin
