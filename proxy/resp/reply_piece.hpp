// A reply as it comes from a node, in one piece or in several. The first piece can be judged; the others are bytes from
// the midst of a value, which may look like anything, so nothing but passing them on can be done with them. Two types,
// so that no function can take one for the other. Views live as long as the buffer that they were read into. Pure.
#pragma once

#include <string_view>

namespace portal::resp {

/// A reply from its first byte on: all of it, or (when not complete) as much of a long one as has come.
class ReplyHead {
  public:
    /// `type`: of the value itself; attributes may stand before it (ReplyScanner::type()).
    constexpr ReplyHead(std::string_view bytes, char type, bool complete) noexcept
        : bytes_(bytes), type_(type), complete_(complete) {}

    [[nodiscard]] constexpr std::string_view bytes() const noexcept { return bytes_; }
    [[nodiscard]] constexpr char type() const noexcept { return type_; }
    [[nodiscard]] constexpr bool complete() const noexcept { return complete_; }
    /// Also RESP3's errors of announced length.
    [[nodiscard]] constexpr bool is_error() const noexcept { return type_ == '-' || type_ == '!'; }
    [[nodiscard]] constexpr bool is_push() const noexcept { return type_ == '>'; }

  private:
    std::string_view bytes_;
    char type_;
    bool complete_;
};

/// What follows a ReplyHead that was not complete.
class ReplyRest {
  public:
    constexpr ReplyRest(std::string_view bytes, bool last) noexcept : bytes_(bytes), last_(last) {}

    [[nodiscard]] constexpr std::string_view bytes() const noexcept { return bytes_; }
    /// The reply is complete with this.
    [[nodiscard]] constexpr bool last() const noexcept { return last_; }

  private:
    std::string_view bytes_;
    bool last_;
};

}  // namespace portal::resp
