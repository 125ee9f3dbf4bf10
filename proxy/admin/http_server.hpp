// An HTTP/1.1 server on a thread of its own, for people, probes and Prometheus, over TCP, a unix socket or both.
// Bounded in connections, header and body size and in time per request. Of paths it knows which are probes'; what it is
// asked goes to the function that it is given.
#pragma once

#include "admin/http_message.hpp"
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
    std::optional<config::Address> address = config::Address{"127.0.0.1", 9380};  // port 0: any free one, see port()
    std::optional<std::string> socket;
    // Over TCP. For a further one that goes which has kept the server waiting for longest (connection_budget.hpp).
    std::size_t max_connections = 64;
    std::chrono::milliseconds request_time{2'000};  // for a request to arrive, of a new connection from its beginning
    std::chrono::milliseconds answer_time{10'000};  // for an answer to be taken
    std::chrono::milliseconds idle_time{15'000};    // between requests of one connection
    // For the sentence that says why it cannot listen: what for, and which keys say where.
    std::string purpose = "admin requests";
    std::string key = "admin.address";
    std::string socket_key = "admin.socket";
};

struct ServerCore;

class HttpServer {
  public:
    HttpServer(ServerOptions options, Respond respond);
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
