// Accepts connections on one address and hands them on. Backs off when the process has no descriptor left, instead of
// spinning. Runs on the io_context it is given, which is not a shard's.
#pragma once

#include "config/config.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

namespace portal::shard {

class Listener {
  public:
    /// Takes over a connected, non-blocking socket.
    using Accepted = std::function<void(int descriptor)>;

    Listener(boost::asio::io_context& io, Accepted accepted)
        : acceptor_(io), back_off_(io), accepted_(std::move(accepted)) {}

    /// Binds and begins to accept. The sentence to print when that is not possible, else empty.
    [[nodiscard]] std::string open(const config::Address& address);
    void close();

  private:
    void wait();
    void accept_all();
    void complain(int error);

    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::steady_timer back_off_;
    Accepted accepted_;
    std::optional<std::chrono::steady_clock::time_point> complained_at_;
};

}  // namespace portal::shard
