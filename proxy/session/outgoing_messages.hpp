// Published messages on their way to one client, between the bytes of its replies. Holds references, not copies, until
// the client takes them: small ones leave together, long ones straight from the message. Pure.
#pragma once

#include "resp/reply_writer.hpp"
#include "upstream/message.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace portal::session {

class OutgoingMessages {
  public:
    [[nodiscard]] bool empty() const noexcept { return first_ == entries_.size(); }
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size() - first_; }
    /// What all of them hold, as if each were this client's alone, with what it costs to remember them.
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

    /// Behind everything queued before and the first `output_size` bytes of the client's replies.
    void push(upstream::MessagePtr message, std::size_t output_size);

    /// The next piece to be sent, of messages and of the replies in `output` before, between and behind them; empty
    /// when no message is left. Valid until the next call. `gathered` is room for pieces that have to be put together.
    [[nodiscard]] std::string_view next(const std::string& output, resp::Protocol protocol, std::string& gathered);

    /// Drops from `output` what next() has taken. To be called before anything else looks at it.
    void trim(std::string& output);

  private:
    struct Entry {
        upstream::MessagePtr message;
        std::size_t before;  // bytes of the replies between the message before and this one
    };
    void take(const std::string& output, std::size_t size, std::string& gathered);
    void pop();

    std::vector<Entry> entries_;  // those before first_ are gone
    std::size_t first_ = 0;
    std::size_t offset_ = 0;  // of the first message: bytes that are taken already
    std::size_t bytes_ = 0;
    std::size_t before_ = 0;        // bytes of the replies that stand before any of the messages
    std::size_t taken_ = 0;         // bytes of the replies that next() has taken
    upstream::MessagePtr sending_;  // keeps the piece alive that next() returned
};

}  // namespace portal::session
