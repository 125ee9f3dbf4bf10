// Looks into one whole value that a node has sent, RESP2 or RESP3: the one reader of answers whose meaning the portal
// needs. A view is checked once, from end to end, and lies over the bytes: nothing is copied, allocated or recursed
// into. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace portal::resp {

/// A value, or nothing: what is not there or is not to be believed. Every question to nothing is answered by nothing,
/// so a reader asks on and looks at the end only. Lives as long as the frame.
class ReplyView {
  public:
    class Elements;

    /// Aggregates inside each other that are looked into; what a node describes of itself is about eight deep.
    static constexpr std::size_t kDeepest = 32;

    constexpr ReplyView() noexcept = default;

    /// The value that `frame` is. Nothing when the frame is cut, damaged, followed by anything, nested deeper than
    /// kDeepest, or holds a value of RESP3 that is streamed ("$?", "*?"), as no server sends them.
    [[nodiscard]] static ReplyView whole(std::string_view frame) noexcept;

    explicit operator bool() const noexcept { return head_.type != 0; }

    /// The first byte: '+', '$', '*', '>' and so on; '_' of RESP2's nulls as well; 0 of nothing. Attributes of RESP3
    /// are passed over wherever they stand.
    [[nodiscard]] char type() const noexcept { return head_.type; }
    /// The value as it came, without the attributes in front of it.
    [[nodiscard]] std::string_view bytes() const noexcept;

    /// Of a simple, bulk or verbatim string (without the "txt:" of the last).
    [[nodiscard]] std::optional<std::string_view> text() const noexcept;
    /// Of ":" with a number behind it that fits.
    [[nodiscard]] std::optional<std::int64_t> integer() const noexcept;
    /// The words of an error of either kind.
    [[nodiscard]] std::optional<std::string_view> error() const noexcept;

    /// Of an array, set or push, and keys and values of a map in turn. None of anything else.
    [[nodiscard]] Elements elements() const noexcept;
    /// The value behind the string `key` in a map, or in the flat array that RESP2 makes of one; else nothing.
    [[nodiscard]] ReplyView value_of(std::string_view key) const noexcept;

  private:
    /// What the first line of a value says, and the string behind it.
    struct Head {
        char type = 0;             // 0: the bytes begin with no such line, or the string is not all there
        std::string_view content;  // of a line or a string
        std::size_t size = 0;      // bytes, with the string behind it and without elements
        std::size_t elements = 0;

        static Head read(std::string_view bytes) noexcept;
        static Head read_length(std::string_view bytes) noexcept;
        static Head read_line(std::string_view bytes) noexcept;
        [[nodiscard]] bool stands_beside(std::string_view bytes) const noexcept;
    };
    ReplyView(const Head& head, std::string_view from) noexcept : head_(head), from_(from) {}
    [[nodiscard]] static std::size_t size_of_elements(std::string_view checked, std::size_t count) noexcept;

    Head head_;
    std::string_view from_;  // from the value's first byte to the end of the frame, all of it checked
};

/// Gives one after the other. Cheaper than by index, since each is found behind the one before.
class ReplyView::Elements {
  public:
    /// The next element; nothing behind the last.
    ReplyView next() noexcept;
    /// How many are still to come.
    [[nodiscard]] std::size_t left() const noexcept { return left_; }

  private:
    friend class ReplyView;
    Elements(std::string_view rest, std::size_t left) noexcept : rest_(rest), left_(left) {}

    std::string_view rest_;
    std::size_t left_;
    std::size_t elements_given_ = 0;  // rest_ begins with those of the element that was given last
};

}  // namespace portal::resp
