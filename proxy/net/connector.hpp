// Connects to a host by whichever of its addresses answers first, as RFC 8305 races them: while one is silent the next
// is tried beside it, so that an address that swallows packets costs a moment and not the connection. Belongs to the
// loop's thread.
#pragma once

#include "net/loop.hpp"
#include "net/name_lookup.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

namespace portal::net {

class Connector {
  public:
    using Endpoint = boost::asio::ip::tcp::endpoint;
    struct Result {
        int socket = -1;    // connected, non-blocking, and the receiver's; -1: there is none
        std::string error;  // why
    };
    using Done = std::function<void(const Result&)>;

    /// RFC 8305, section 8.
    static constexpr std::chrono::milliseconds kNextAfter{250};

    /// The next address is tried when the last one was silent for `next_after`. Both outlive this.
    Connector(Loop& loop, NameLookup& names, Loop::Clock::duration next_after = kNextAfter);
    /// Gives up all that is under way.
    ~Connector();
    Connector(const Connector&) = delete;
    Connector& operator=(const Connector&) = delete;

    /// To be called once. `done` is called once, from the loop, never in here, and may destroy this. There is no time
    /// limit: whoever has waited long enough destroys it.
    void start(const std::string& host, std::uint16_t port, Done done);

  private:
    class Attempt;

    void on_answer(const NameLookup::Answer& answer);
    void try_next();
    [[nodiscard]] bool attempt(const Endpoint& endpoint);
    void on_attempt(Attempt& attempt);
    void finish(const Result& result);

    Loop& loop_;
    NameLookup& names_;
    Loop::Clock::duration next_after_;
    std::string host_;
    Done done_;
    NameLookup::Wanted wanted_;
    std::vector<Endpoint> seen_;  // all that were or will be tried
    std::deque<Endpoint> untried_;
    std::vector<std::unique_ptr<Attempt>> attempts_;
    Loop::Timer next_;
    std::string error_;  // of the last attempt that failed
};

/// In their order, but of both families by turns (RFC 8305, section 4).
[[nodiscard]] std::vector<Connector::Endpoint> by_turns(const std::vector<Connector::Endpoint>& endpoints);

}  // namespace portal::net
