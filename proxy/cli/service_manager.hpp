// Tells systemd how the portal is (sd_notify's protocol, one datagram each). Without a service manager nothing happens.
#pragma once

#include <string>
#include <string_view>

namespace portal::cli {

/// Sends lines such as READY=1 to the socket that NOTIFY_SOCKET names; a path, or @ and an abstract name.
void notify_service_manager(std::string_view lines);

/// What begins a reload: it is told apart from one before by the time.
[[nodiscard]] std::string reloading_lines();

}  // namespace portal::cli
