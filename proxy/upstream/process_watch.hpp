// Tells by the ids that a node gives its connections whether another process answers there than before. A process
// numbers its connections in the order in which it takes them, so a number that falls is that of one that was started
// again, perhaps without its data; the monitor will say so, but maybe later. For one node at a time. Pure: is given the
// time.
#pragma once

#include <chrono>
#include <cstdint>

namespace portal::upstream {

class ProcessWatch {
  public:
    using Time = std::chrono::steady_clock::time_point;
    /// The monitor needs less to find out. A node whose process is the same after that time numbers otherwise.
    static constexpr std::chrono::seconds kDoubt{2};

    /// Another process is known to be there, or another node is routed to.
    void forget() noexcept { *this = ProcessWatch(); }

    /// To be kept by whoever begins to connect, for same_process().
    [[nodiscard]] std::uint64_t newest() const noexcept { return newest_; }
    /// The node has given the number `id` to a connection that was begun when newest() was `before`. False: the process
    /// is another one.
    [[nodiscard]] bool same_process(std::uint64_t before, std::uint64_t id, Time now) noexcept {
        if (id == 0 || id >= before || numbers_otherwise_) {
            newest_ = id > newest_ ? id : newest_;
            return true;
        }
        if (doubted_since_ == Time{}) {
            doubted_since_ = now;
        }
        numbers_otherwise_ = now - doubted_since_ >= kDoubt;
        return numbers_otherwise_;
    }

  private:
    std::uint64_t newest_ = 0;
    Time doubted_since_{};  // never: not at all
    bool numbers_otherwise_ = false;
};

}  // namespace portal::upstream
