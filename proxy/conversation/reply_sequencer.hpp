// Keeps the replies of one client in request order, whatever made them and whenever they were ready. The usual reply is
// for the oldest open slot and passes straight through; only those that are early are stored, and with none nothing is
// allocated. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace portal::conversation {

/// The slot of requests that a session sends for itself: their replies go to no client.
inline constexpr std::uint64_t kNoSlot = ~std::uint64_t{0};

class ReplySequencer {
  public:
    using Slot = std::uint64_t;

    /// Opens the next slot.
    Slot open() noexcept { return next_++; }
    /// The slot that it opens next.
    [[nodiscard]] Slot next() const noexcept { return next_; }

    /// True if `slot` is the oldest open one: its bytes may go to the client as they come.
    [[nodiscard]] bool is_front(Slot slot) const noexcept { return slot == front_; }

    /// True if the reply of `slot` has gone out.
    [[nodiscard]] bool is_done(Slot slot) const noexcept { return slot < front_; }

    /// The front slot is done; its bytes were written already. Appends the stored replies that have become due to
    /// `out`.
    void finish_front(std::string& out) {
        ++front_;
        release(out);
    }

    /// `slot` is done with `bytes`. Appends to `out` what has become due; stores the bytes if older slots are open.
    void finish(Slot slot, std::string bytes, std::string& out);

    /// Slots that are open or not yet due.
    [[nodiscard]] std::uint64_t outstanding() const noexcept { return next_ - front_; }

    /// Bytes of stored replies.
    [[nodiscard]] std::size_t stored_bytes() const noexcept { return stored_bytes_; }

  private:
    void release(std::string& out) {
        if (!early_.empty()) {
            release_early(out);
        }
    }
    void release_early(std::string& out);

    Slot next_ = 0;
    Slot front_ = 0;
    std::size_t stored_bytes_ = 0;
    std::vector<std::pair<Slot, std::string>> early_;  // by slot; those before first_ are gone
    std::size_t first_ = 0;
};

}  // namespace portal::conversation
