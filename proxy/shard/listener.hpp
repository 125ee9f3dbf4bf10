// Accepts connections on one address and hands them on. Backs off when the process has no descriptor left, instead of
// spinning. Belongs to the loop of one shard.
#pragma once

#include "config/config.hpp"
#include "net/loop.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace portal::shard {

class Listener final : private net::Loop::Watch {
  public:
    /// Takes over a connected, non-blocking socket.
    using Accepted = std::function<void(int descriptor)>;

    Listener(net::Loop& loop, Accepted accepted) : loop_(loop), back_off_(loop), accepted_(std::move(accepted)) {}
    ~Listener() { close(); }

    /// Binds and begins to accept. The sentence to print when that is not possible, else empty.
    [[nodiscard]] std::string open(const config::Address& address);
    void close() noexcept;

  private:
    void on_events(std::uint32_t /*events*/) override { accept_some(); }
    void accept_some();
    void complain(int error);

    net::Loop& loop_;
    int socket_ = -1;
    net::Loop::Timer back_off_;
    Accepted accepted_;
    std::optional<std::chrono::steady_clock::time_point> complained_at_;
};

}  // namespace portal::shard
