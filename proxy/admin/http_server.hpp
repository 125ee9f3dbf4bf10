// The admin port: HTTP/1.1 on a thread of its own, for people, probes and Prometheus. Bounded in connections, header
// and body size and in time per request. Knows no shard and no monitor, only the handlers.
#pragma once

#include "admin/handlers.hpp"
#include "config/config.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace portal::admin {

struct ServerOptions {
    config::Address address{"127.0.0.1", 9380};  // port 0: any free one, see port()
    std::size_t max_connections = 64;            // further ones are closed at once
    std::chrono::milliseconds request_time{10'000};
    std::chrono::milliseconds idle_time{15'000};  // between requests of one connection
    std::chrono::milliseconds switchover_time{30'000};
};

struct ServerCore;

class HttpServer {
  public:
    HttpServer(ServerOptions options, AdminHandlers handlers);
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;
    ~HttpServer();

    /// Listens and starts the thread. Returns the sentence to print when that is not possible.
    [[nodiscard]] std::optional<std::string> start();
    /// Where it listens, after start().
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// Cuts what is open and ends the thread; no handler runs afterwards. May be called twice.
    void stop();

  private:
    std::unique_ptr<ServerCore> core_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

}  // namespace portal::admin
