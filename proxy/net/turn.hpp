// One turn of a shard's event loop: everything that became ready together. Whoever has bytes to write marks itself; at
// the end of the turn each marked one is flushed once, so one write carries what many commands or replies left behind.
// Single-threaded; knows nothing of what is flushed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <utility>

#include <boost/intrusive/list.hpp>

namespace portal::net {

/// Something with output. Leaves the turn's list by itself when destroyed.
class Flushable : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
  public:
    Flushable() = default;
    Flushable(const Flushable&) = delete;
    Flushable& operator=(const Flushable&) = delete;
    /// Writes what is ready. May mark others, which are then flushed in the same turn.
    virtual void flush() = 0;

  protected:
    virtual ~Flushable() = default;

  private:
    friend class Turn;
    bool later_ = false;  // stands among those that wait for a later turn
};

class Turn {
  public:
    using Clock = std::chrono::steady_clock;

    /// Told at the end of each turn how long it took, from its first event on.
    using TookTime = std::function<void(Clock::duration took)>;
    explicit Turn(TookTime took_time = {}) : took_time_(std::move(took_time)) {}

    /// The time at which the present event began. One clock read per event, not per command.
    [[nodiscard]] Clock::time_point now() const noexcept { return now_; }

    /// The loop says so before each event.
    void begin_event() noexcept {
        now_ = Clock::now();
        if (began_ == Clock::time_point{}) {
            began_ = now_;
        }
    }

    /// `item` has output. It is flushed at the end of the turn.
    void mark(Flushable& item) {
        if (item.is_linked()) {
            if (!item.later_) {
                return;
            }
            item.unlink();
        }
        item.later_ = false;
        marked_.push_back(item);
    }

    /// `item` has output, and so have many others at once: they are flushed behind the marked ones, a portion in each
    /// turn, so that nobody else has to wait for all of them.
    void mark_later(Flushable& item) {
        if (!item.is_linked()) {
            item.later_ = true;
            later_.push_back(item);
        }
    }

    /// All that were ready have been looked at: flushes. True: something waits for a later turn, so that one must
    /// follow at once.
    bool end();

    /// How many turns have flushed something.
    [[nodiscard]] std::uint64_t flushed_turns() const noexcept { return flushed_turns_; }

  private:
    using List = boost::intrusive::list<Flushable, boost::intrusive::constant_time_size<false>>;
    /// How many of those marked for later are flushed in one turn.
    static constexpr int kPortion = 64;

    void flush_marked();
    void note_end();

    List marked_;
    List later_;
    TookTime took_time_;
    Clock::time_point now_ = Clock::now();
    Clock::time_point began_{};  // the first event of this turn; zero: there was none yet
    std::uint64_t flushed_turns_ = 0;
};

}  // namespace portal::net
