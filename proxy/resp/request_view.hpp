// The arguments of one framed request as views into its bytes. Owns nothing: valid as long as the bytes are.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace portal::resp {

/// A complete multibulk request, as RequestScanner framed it.
class RequestView {
  public:
    /// `frame` is one whole multibulk request (ScanStatus::complete and starting with '*').
    explicit RequestView(std::string_view frame) noexcept : frame_(frame) {
        if (frame.size() > 4 && frame[2] == '\r') {  // few words, as nearly always
            argc_ = static_cast<std::size_t>(frame[1] - '0');
            first_ = next_offset_ = 4;
        } else {
            read_header();
        }
    }

    [[nodiscard]] std::string_view frame() const noexcept { return frame_; }
    [[nodiscard]] std::size_t argc() const noexcept { return argc_; }

    /// Argument `index`, index < argc(). Cheap when asked in growing order or again: the view remembers where it
    /// stands.
    [[nodiscard]] std::string_view arg(std::size_t index) const noexcept {
        return index + 1 == next_index_ ? last_ : seek(index);
    }

  private:
    void read_header() noexcept;
    [[nodiscard]] std::string_view seek(std::size_t index) const noexcept;

    std::string_view frame_;
    std::size_t argc_ = 0;
    std::size_t first_ = 0;               // offset of the first argument's '$'
    mutable std::size_t next_index_ = 0;  // arg(next_index_) starts at next_offset_
    mutable std::size_t next_offset_ = 0;
    mutable std::string_view last_;  // arg(next_index_ - 1)
};

/// True if the framed request is an inline command, which must be turned into multibulk before a RequestView can see
/// it.
[[nodiscard]] inline bool is_inline(std::string_view frame) noexcept {
    return frame.empty() || frame.front() != '*';
}

/// Turns one inline command line (with or without its line end) into a multibulk request, with redis-server's quoting
/// rules (sds.c, sdssplitargs: "..." with \n \r \t \b \a \\ \" \xHH escapes, '...' with \' only). Empty optional:
/// unbalanced quotes. Empty string: the line has no word, so there is no command. Neither happens for a line that
/// RequestScanner called complete: it reports the one as an error and the other as empty.
[[nodiscard]] std::optional<std::string> inline_to_multibulk(std::string_view line);

}  // namespace portal::resp
