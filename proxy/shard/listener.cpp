#include "shard/listener.hpp"

#include "observe/log.hpp"

#include <cerrno>
#include <cstring>
#include <sstream>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <fmt/format.h>

namespace portal::shard {

namespace {

constexpr std::chrono::milliseconds kBackOff{100};
constexpr std::chrono::seconds kComplainAgain{10};
constexpr int kBacklog = 4096;
/// Whoever is connected already waits no longer than for these.
constexpr int kAcceptsPerTurn = 32;

}  // namespace

std::string Listener::open(const config::Address& address) {
    boost::system::error_code unreadable;
    const auto ip = boost::asio::ip::make_address(address.host == "localhost" ? "127.0.0.1" : address.host, unreadable);
    if (unreadable) {
        return fmt::format("cannot listen on {}: give an address of this machine, such as 0.0.0.0 or [::]",
                           address.host);
    }
    const boost::asio::ip::tcp::endpoint endpoint(ip, address.port);
    const int on = 1;
    socket_ = ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket_ < 0 || ::setsockopt(socket_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(socket_, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
        ::listen(socket_, kBacklog) != 0 || !loop_.add(socket_, *this)) {
        const int error = errno;
        const std::string_view advice =
            error == EADDRINUSE ? "stop what listens there or choose another port"
            : error == EACCES   ? "ports below 1024 need a privilege (CAP_NET_BIND_SERVICE); choose a higher one"
                                : "give an address of this machine, such as 0.0.0.0 or [::]";
        std::ostringstream where;
        where << endpoint;
        return fmt::format("cannot listen on {} ({}): {}", where.str(), std::strerror(error), advice);
    }
    return {};
}

void Listener::close() noexcept {
    back_off_.cancel();
    if (socket_ >= 0) {
        loop_.remove(socket_, *this);
        ::close(std::exchange(socket_, -1));
    }
}

/// Not at each attempt: there may be ten in a second for as long as clients hold what is missing.
void Listener::complain(int error) {
    const auto now = std::chrono::steady_clock::now();
    if (!complained_at_ || now - *complained_at_ >= kComplainAgain) {
        complained_at_ = now;
        observe::log_warn("listener", "cannot accept; trying again shortly", {{"error", std::strerror(error)}});
    }
}

void Listener::accept_some() {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
        const int descriptor = ::accept4(socket_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            accepted_(descriptor);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            complain(errno);
            back_off_.start(kBackOff, [this] { accept_some(); });
            return;
        }
    }
    loop_.again(*this);
}

}  // namespace portal::shard
