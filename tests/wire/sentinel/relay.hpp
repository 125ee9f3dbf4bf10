// A TCP relay on loopback that can lose answers, hold everything back and cut connections: a network as bad as a test
// wants it. Knows nothing of what it carries. Runs on a thread of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace portal::testing {

enum class Traffic : std::uint8_t {
    pass,
    lose_answers,  // what a server says is dropped, and the connection is closed then
    hold,          // nothing gets through any more, in either direction; connections stay open
    cut            // open connections are closed, new ones as well
};

class Relay {
  public:
    explicit Relay(std::uint16_t target);
    ~Relay();
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    [[nodiscard]] std::uint16_t port() const { return port_; }
    /// Counts for what arrives from now on; what was held back before is lost.
    void set(Traffic traffic);

  private:
    class Pair;
    void accept();

    boost::asio::io_context io_{1};
    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::ip::tcp::endpoint target_;
    std::uint16_t port_;
    std::atomic<Traffic> traffic_{Traffic::pass};
    std::set<std::shared_ptr<Pair>> pairs_;
    std::thread thread_;
};

}  // namespace portal::testing
