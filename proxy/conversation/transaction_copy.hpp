// What a node has answered of one transaction before its EXEC. Nothing of it was executed, so it can be sent again as
// it is, to the same node or to the next. Does no I/O.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace portal::conversation {

class TransactionCopy {
  public:
    /// Kept of one transaction at most, in bytes; what is longer is not whole.
    static constexpr std::size_t kMost = 1024 * 1024;

    /// A transaction begins, or the copy is of no more use.
    void clear();
    /// The node has answered `frame`. `writes`: it changes data; `refused`: it was not queued, since the node does not
    /// lead.
    void add(std::string_view frame, bool writes, bool refused);
    /// What was added last makes the node know a script, or forget all.
    void note_scripts() noexcept { scripts_ = true; }
    /// One of its commands is not here, or failed for a reason of its own.
    void spoil() noexcept { whole_ = false; }
    /// The frames, oldest first; the copy is empty afterwards.
    [[nodiscard]] std::string take();

    /// The frames, if they have to do with scripts; else nothing.
    [[nodiscard]] std::string_view frames_with_scripts() const noexcept {
        return scripts_ ? std::string_view(frames_) : std::string_view();
    }
    [[nodiscard]] bool empty() const noexcept { return frames_.empty(); }
    [[nodiscard]] bool whole() const noexcept { return whole_; }
    [[nodiscard]] bool writes() const noexcept { return writes_; }
    [[nodiscard]] bool refused() const noexcept { return refused_; }

  private:
    std::string frames_;
    bool whole_ = true, writes_ = false, refused_ = false, scripts_ = false;
};

}  // namespace portal::conversation
