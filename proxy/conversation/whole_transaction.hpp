// A transaction that travels in one piece on a shared link: how much of it is still to be sent, and whether the node
// has begun one. Pure.
#pragma once

#include "command/command_table.hpp"
#include "upstream/pending_queue.hpp"

#include <cstddef>
#include <cstdint>

namespace portal::conversation {

class WholeTransaction {
  public:
    /// MULTI and `behind` more commands are to be sent, with nothing in between. `slow`: one of them may take long.
    void begin(std::size_t behind, bool slow) noexcept {
        left_ = static_cast<std::uint32_t>(behind) + 1;
        slow_ = slow;
    }
    /// It is not sent now, and looked for again when its MULTI is taken.
    void abandon() noexcept { left_ = 0; }
    /// Commands of it that are still to be sent, the one at hand included.
    [[nodiscard]] std::uint32_t left() const noexcept { return left_; }
    [[nodiscard]] bool slow() const noexcept { return left_ > 0 && slow_; }
    void note_sent() noexcept { left_ -= left_ > 0 ? 1 : 0; }

    /// A command of it was answered, or is lost. `begins`: if it is MULTI, a transaction has begun, or will. One that
    /// the node has refused is none, and what is left of it are commands as any others.
    void follow(upstream::PendingRequest& request, const command::CommandRow& row, bool begins) noexcept {
        if (row.handling == command::Handling::multi) {
            begun_ = begins;
        }
        request.unit = begun_;
    }

  private:
    std::uint32_t left_ = 0;
    bool slow_ = false;
    bool begun_ = false;  // the one that is being answered
};

}  // namespace portal::conversation
