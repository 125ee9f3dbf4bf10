// A server on loopback, or on a unix socket, that does with each connection what the test says, on a thread of its own.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace portal::net::testing {

/// One connection as its script sees it.
class Peer {
  public:
    explicit Peer(int descriptor) : descriptor_(descriptor) {}

    [[nodiscard]] int descriptor() const { return descriptor_; }
    /// False when the client has gone.
    bool say(std::string_view bytes) const {  // NOLINT(modernize-use-nodiscard)
        while (!bytes.empty()) {
            const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                return false;
            }
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    /// The head of a request, and its body; empty when the client has gone.
    [[nodiscard]] std::string hear() const {
        std::string heard;
        std::size_t wanted = std::string::npos;
        while (heard.size() < wanted) {
            char byte = 0;
            if (::recv(descriptor_, &byte, 1, 0) != 1) {
                return {};
            }
            heard += byte;
            if (wanted == std::string::npos && heard.ends_with("\r\n\r\n")) {
                const auto at = heard.find("Content-Length: ");
                wanted = heard.size() + (at == std::string::npos ? 0 : std::stoul(heard.substr(at + 16)));
            }
        }
        return heard;
    }

  private:
    int descriptor_;
};

class ScriptedServer {
  public:
    using Script = std::function<void(Peer&)>;

    /// A script for each connection in turn, which is closed behind it; the last one also for all further ones.
    /// `socket`: the path of a unix socket instead of a port.
    explicit ScriptedServer(std::vector<Script> scripts, const std::string& socket = {})
        : scripts_(std::move(scripts)), listener_(socket.empty() ? listen_on_port() : listen_on(socket)) {
        thread_ = std::thread([this] { serve(); });
    }
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;
    ~ScriptedServer() {
        stopping_ = true;
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::size_t connections() const { return connections_; }

  private:
    int listen_on_port() {
        const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        listen_at(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
        socklen_t size = sizeof address;
        ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        return descriptor;
    }
    static int listen_on(const std::string& socket) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        socket.copy(address.sun_path, sizeof address.sun_path - 1);
        const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        listen_at(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
        return descriptor;
    }
    static void listen_at(int descriptor, const sockaddr* address, socklen_t size) {
        if (::bind(descriptor, address, size) != 0 || ::listen(descriptor, 16) != 0) {
            throw std::runtime_error("cannot listen");
        }
    }
    void serve() {
        while (!stopping_) {
            const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (connection < 0) {
                continue;
            }
            const timeval most{20, 0};  // a test that fails ends all the same
            ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
            Peer peer(connection);
            scripts_[std::min<std::size_t>(connections_++, scripts_.size() - 1)](peer);
            ::close(connection);
        }
    }

    std::vector<Script> scripts_;
    std::uint16_t port_ = 0;
    int listener_;
    std::atomic<std::size_t> connections_ = 0;
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

}  // namespace portal::net::testing
