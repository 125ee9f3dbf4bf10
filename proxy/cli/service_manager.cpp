#include "cli/service_manager.hpp"

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace portal::cli {

void notify_service_manager(std::string_view lines) {
    const char* named = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    const std::size_t length = named == nullptr ? 0 : std::strlen(named);
    if (length < 2 || length >= sizeof address.sun_path || (named[0] != '/' && named[0] != '@')) {
        return;
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, named, length);
    if (address.sun_path[0] == '@') {
        address.sun_path[0] = '\0';
    }
    const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return;
    }
    // Nobody to tell is no reason to stop: systemd itself notices what it was not told.
    (void)::sendto(descriptor, lines.data(), lines.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                   reinterpret_cast<const sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length));
    ::close(descriptor);
}

std::string reloading_lines() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return "RELOADING=1\nMONOTONIC_USEC=" +
           std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

}  // namespace portal::cli
