#include "tests/fuzz/socket.hpp"

#include "tests/fuzz/harness.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace portal::fuzz {
namespace {

int poller() noexcept {
    static const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
    return descriptor;
}

void watch(int descriptor) noexcept {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP;
    ::epoll_ctl(poller(), EPOLL_CTL_ADD, descriptor, &event);
}

}  // namespace

bool anything_came() {
    epoll_event event{};
    return ::epoll_wait(poller(), &event, 1, 0) > 0;
}

Socket::Socket(int descriptor) noexcept : descriptor_(descriptor) {
    watch(descriptor);
}

Socket& Socket::operator=(Socket&& other) noexcept {
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
    unsent_ = std::move(other.unsent_);
    return *this;
}

void Socket::send(std::string_view bytes) {
    unsent_.append(bytes);
    send_rest();
}

bool Socket::send_rest() {
    if (!open() || unsent_.empty()) {
        return false;
    }
    const ssize_t sent = ::send(descriptor_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent > 0) {
        unsent_.erase(0, static_cast<std::size_t>(sent));
    }
    return sent > 0;
}

std::string_view Socket::receive() {
    static std::string space(256 * 1024, '\0');
    const ssize_t got = open() ? ::recv(descriptor_, space.data(), space.size(), 0) : -1;
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        close();
    }
    return {space.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

void Socket::finish_sending() const noexcept {
    if (open()) {
        ::shutdown(descriptor_, SHUT_WR);
    }
}

void Socket::close() noexcept {
    if (open()) {
        const linger reset{1, 0};
        ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        ::close(std::exchange(descriptor_, -1));
    }
    unsent_.clear();
}

Port::Port() : descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    require(::bind(descriptor, plain, size) == 0 && ::listen(descriptor, 256) == 0 &&
                ::getsockname(descriptor, plain, &size) == 0,
            "there is no port on loopback");
    watch(descriptor);
}

int Port::accept() const {
    return ::accept4(descriptor, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

}  // namespace portal::fuzz
