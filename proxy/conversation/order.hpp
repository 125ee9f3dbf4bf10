// What one client has asked for and not heard of yet: the order of its replies, how many requests are on their way and
// on which link, how many more there may be, what is there of a large reply whose turn has not come, and since when it
// waits inside the node. Pure: a link is compared, never used.
#pragma once

#include "conversation/reply_sequencer.hpp"
#include "conversation/reply_window.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace portal::conversation {

class Order {
  public:
    using Slot = ReplySequencer::Slot;
    using Time = std::chrono::steady_clock::time_point;

    // --- slots
    Slot open() noexcept { return replies_.open(); }
    [[nodiscard]] Slot next() const noexcept { return replies_.next(); }
    [[nodiscard]] bool is_front(Slot slot) const noexcept { return replies_.is_front(slot); }
    [[nodiscard]] bool is_done(Slot slot) const noexcept { return replies_.is_done(slot); }
    /// Slots whose reply has not gone out.
    [[nodiscard]] std::uint64_t outstanding() const noexcept { return replies_.outstanding(); }
    /// `slot` is done with `bytes`; `out` gets what has become due.
    void finish(Slot slot, std::string bytes, std::string& out) { replies_.finish(slot, std::move(bytes), out); }
    /// The front slot is done, and its bytes are in `out` already.
    void finish_front(std::string& out) { replies_.finish_front(out); }

    // --- requests on links
    [[nodiscard]] std::uint32_t in_flight() const noexcept { return in_flight_; }
    [[nodiscard]] bool idle() const noexcept { return in_flight_ == 0; }
    /// Nothing is on its way on another link: what goes on `link` now arrives behind what went before.
    [[nodiscard]] bool may_use(const void* link) const noexcept { return in_flight_ == 0 || link_ == link; }
    /// What is on its way is on `link`.
    [[nodiscard]] bool is_on(const void* link) const noexcept { return link_ == link; }
    void note_sent(const void* link, std::size_t size) noexcept {
        link_ = link;
        ++in_flight_;
        bytes_ += size;
    }
    /// A request of `size` bytes was answered, or came back.
    void note_back(std::size_t size) noexcept {
        --in_flight_;
        bytes_ -= size;
    }
    /// What is on its way has been asked again on `link`.
    void note_moved(const void* link) noexcept { link_ = link; }

    // --- how many there may be
    /// A reply of `size` bytes, or a part of one, has come.
    void learn(std::size_t size) noexcept { window_.learn(size); }
    /// No more requests for now. `parked`: replies that are here and may not go out yet.
    [[nodiscard]] bool full(std::size_t parked) const noexcept {
        return in_flight_ >= window_.requests() || in_flight_ + parked >= ReplyWindow::kRequests ||
               bytes_ >= ReplyWindow::kBytes;
    }
    /// Enough has been answered to go on.
    [[nodiscard]] bool has_room(std::size_t parked) const noexcept {
        return in_flight_ <= window_.requests() / 2 && in_flight_ + parked <= ReplyWindow::kRequests / 2 &&
               bytes_ <= ReplyWindow::kBytes / 2;
    }

    // --- a large reply whose turn has not come
    [[nodiscard]] bool has_part() const noexcept { return !part_.empty(); }
    [[nodiscard]] bool has_part(Slot slot) const noexcept { return !part_.empty() && part_slot_ == slot; }
    [[nodiscard]] std::size_t part_size() const noexcept { return part_.size(); }
    void keep_part(Slot slot, std::string_view bytes) {
        part_slot_ = slot;
        part_.append(bytes);
    }
    /// Its turn has come.
    [[nodiscard]] bool part_is_due() const noexcept { return has_part() && is_front(part_slot_); }
    [[nodiscard]] std::string take_part() noexcept { return std::exchange(part_, {}); }
    /// Bytes that are here and not due.
    [[nodiscard]] std::size_t stored_bytes() const noexcept { return replies_.stored_bytes() + part_.size(); }

    // --- waits inside the node
    /// The request of `slot` may wait there, outside of a transaction.
    void note_blocking(Slot slot, Time now) noexcept {
        if (!blocks()) {
            blocked_since_ = now;
        }
        blocked_slot_ = slot;
    }
    /// Such a request has no answer yet.
    [[nodiscard]] bool blocks() const noexcept { return blocked_slot_ && !is_done(*blocked_slot_); }
    /// Since when the oldest of them has waited.
    [[nodiscard]] Time blocked_since() const noexcept { return blocked_since_; }
    /// How long the oldest of them has waited; the next one begins to wait now.
    [[nodiscard]] Time::duration take_blocked_time(Time now) noexcept {
        return now - std::exchange(blocked_since_, now);
    }

  private:
    ReplySequencer replies_;
    ReplyWindow window_;
    const void* link_ = nullptr;  // where the unanswered requests are
    std::uint32_t in_flight_ = 0;
    std::size_t bytes_ = 0;             // of those requests
    std::string part_;                  // of a large reply
    Slot part_slot_ = 0;                // and its slot
    std::optional<Slot> blocked_slot_;  // of the newest that may wait inside the node
    Time blocked_since_{};              // since when the oldest of them has waited
};

}  // namespace portal::conversation
