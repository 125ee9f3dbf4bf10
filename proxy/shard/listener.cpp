#include "shard/listener.hpp"

#include "observe/log.hpp"

#include <cerrno>
#include <cstring>
#include <sstream>
#include <string_view>
#include <sys/socket.h>

#include <fmt/format.h>

namespace portal::shard {

namespace {

constexpr std::chrono::milliseconds kBackOff{100};
constexpr std::chrono::seconds kComplainAgain{10};
constexpr int kAcceptsPerWait = 256;

}  // namespace

std::string Listener::open(const config::Address& address) {
    using boost::asio::ip::tcp;
    boost::system::error_code error;
    const auto ip = boost::asio::ip::make_address(address.host == "localhost" ? "127.0.0.1" : address.host, error);
    if (error) {
        return fmt::format("cannot listen on {}: give an address of this machine, such as 0.0.0.0 or [::]",
                           address.host);
    }
    const tcp::endpoint endpoint(ip, address.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) {
        acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
        acceptor_.bind(endpoint, error);
    }
    if (!error) {
        acceptor_.listen(4096, error);
    }
    if (error) {
        const std::string_view advice =
            error == boost::asio::error::address_in_use ? "stop what listens there or choose another port"
            : error == boost::asio::error::access_denied
                ? "ports below 1024 need a privilege (CAP_NET_BIND_SERVICE); choose a higher one"
                : "give an address of this machine, such as 0.0.0.0 or [::]";
        std::ostringstream where;
        where << endpoint;
        return fmt::format("cannot listen on {} ({}): {}", where.str(), error.message(), advice);
    }
    acceptor_.non_blocking(true, error);
    wait();
    return {};
}

void Listener::close() {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    back_off_.cancel();
}

void Listener::wait() {
    acceptor_.async_wait(boost::asio::socket_base::wait_read, [this](const boost::system::error_code& error) {
        if (!error) {
            accept_all();
        }
    });
}

/// Not at each attempt: there may be ten in a second for as long as clients hold what is missing.
void Listener::complain(int error) {
    const auto now = std::chrono::steady_clock::now();
    if (!complained_at_ || now - *complained_at_ >= kComplainAgain) {
        complained_at_ = now;
        observe::log_warn("listener", "cannot accept; trying again shortly", {{"error", std::strerror(error)}});
    }
}

void Listener::accept_all() {
    for (int i = 0; i < kAcceptsPerWait; ++i) {
        const int descriptor = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            accepted_(descriptor);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) {
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            break;
        }
        complain(errno);
        back_off_.expires_after(kBackOff);
        back_off_.async_wait([this](const boost::system::error_code& cancelled) {
            if (!cancelled) {
                wait();
            }
        });
        return;
    }
    wait();
}

}  // namespace portal::shard
