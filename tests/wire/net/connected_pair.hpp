// Two ends of one TCP connection over loopback.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <gtest/gtest.h>

namespace portal::net {

/// The end that was accepted, and the one that connected; the caller closes both.
inline std::pair<int, int> connected_pair() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_storage address{};
    address.ss_family = AF_INET;
    auto* where = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    const int connecting = ::socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(::listen(listener, 1), 0);
    EXPECT_EQ(::getsockname(listener, where, &size), 0);
    EXPECT_EQ(::connect(connecting, where, size), 0);
    const int accepted = ::accept(listener, nullptr, nullptr);
    ::close(listener);
    return {accepted, connecting};
}

}  // namespace portal::net
