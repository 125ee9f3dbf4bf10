// Replies to the writes of one client that wait for a proof, oldest first. Their bytes lie one behind the other in one
// buffer, so that parking a reply allocates nothing in steady state. Pure.
#pragma once

#include "conversation/reply_sequencer.hpp"
#include "upstream/write_proof.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace portal::conversation {

class ParkedReplies {
  public:
    using Clock = std::chrono::steady_clock;
    struct Entry {
        ReplySequencer::Slot slot = 0;
        upstream::Ticket ticket{};
        Clock::time_point since;
        std::size_t size = 0;
    };

    [[nodiscard]] bool empty() const noexcept { return first_ == entries_.size(); }
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size() - first_; }
    /// Bytes of the replies.
    [[nodiscard]] std::size_t bytes() const noexcept { return text_.size() - offset_; }

    void push(ReplySequencer::Slot slot, upstream::Ticket ticket, Clock::time_point now, std::string_view reply);
    [[nodiscard]] const Entry& front() const noexcept { return entries_[first_]; }
    [[nodiscard]] std::string_view front_reply() const noexcept {
        return std::string_view(text_).substr(offset_, front().size);
    }
    void pop() noexcept;
    void clear() noexcept;

  private:
    std::vector<Entry> entries_;  // those before first_ are gone
    std::size_t first_ = 0;
    std::string text_;
    std::size_t offset_ = 0;  // of the first reply in text_
};

}  // namespace portal::conversation
