// What one client is still to be sent, in order: shared messages and bytes that had to wait behind or before them.
// Empty for almost every client: replies go through a plain string, which is moved in here only when a message
// overtakes nothing else. Pure.
#pragma once

#include "upstream/subscription_feed.hpp"

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

namespace portal::session {

class OutputQueue {
  public:
    /// `message`, beginning with `first` in place of its first byte.
    void push(upstream::MessagePtr message, char first);
    void push(std::string bytes);

    [[nodiscard]] bool empty() const noexcept { return parts_.empty(); }
    /// Bytes that wait, counted for this client although messages are shared.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// The next piece, at most `limit` bytes. Valid until the next change.
    [[nodiscard]] std::string_view front(std::size_t limit) const noexcept;
    void consume(std::size_t size) noexcept;

  private:
    struct Part {
        upstream::MessagePtr message;
        char first = 0;     // sent instead of the message's first byte
        std::string bytes;  // without a message
        [[nodiscard]] std::size_t size() const noexcept { return message ? message->bytes.size() : bytes.size(); }
    };

    std::deque<Part> parts_;
    std::size_t sent_ = 0;  // of the front part
    std::size_t size_ = 0;
};

}  // namespace portal::session
