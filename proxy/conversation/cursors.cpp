#include "conversation/cursors.hpp"

#include "resp/reply_writer.hpp"
#include "resp/words.hpp"

#include <array>
#include <charconv>

namespace portal::conversation {

namespace {

constexpr std::uint64_t kCursors = std::uint64_t{1} << kCursorBits;
constexpr std::uint32_t kMarks = std::uint32_t{1} << kMarkBits;

/// FNV-1a, the same in every portal; folded to the bits of a mark, never 0.
std::uint32_t fold(std::string_view text) noexcept {
    std::uint64_t hash = 0xCBF29CE484222325U;
    for (const char c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
    }
    hash ^= hash >> 32U;
    return static_cast<std::uint32_t>(hash % (kMarks - 1)) + 1;
}

std::optional<std::uint64_t> number(std::string_view word) noexcept {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    return error == std::errc{} && end == word.data() + word.size() && !word.empty() ? std::optional(value)
                                                                                     : std::nullopt;
}

std::string with_word(const resp::RequestView& request, std::size_t position, std::string_view word) {
    std::string frame;
    resp::write_array_header(frame, request.argc());
    for (std::size_t i = 0; i < request.argc(); ++i) {
        resp::write_bulk(frame, i == position ? word : request.arg(i));
    }
    return frame;
}

std::uint64_t marked(std::uint64_t cursor, CursorMark mark) noexcept {
    return cursor | static_cast<std::uint64_t>(mark) << kCursorBits;
}

/// A cursor that can be marked, and is to be.
bool goes_on(std::uint64_t cursor) noexcept {
    return cursor != 0 && cursor < kCursors;
}

}  // namespace

CursorMark mark_of(const replication::Topology& topology) {
    if (!topology.leader) {
        return CursorMark::none;
    }
    if (const std::string process = replication::process_of(topology, topology.leader->name); !process.empty()) {
        return CursorMark{fold(process)};
    }
    const auto epoch = static_cast<std::uint64_t>(topology.epoch);
    return CursorMark{fold(topology.leader->name + ' ' + std::to_string(epoch))};
}

CursorOrigin origin_of(std::string_view word, CursorMark mark) noexcept {
    const std::uint64_t cursor = number(word).value_or(0);
    if (cursor < kCursors) {
        return CursorOrigin::plain;
    }
    return cursor >> kCursorBits == static_cast<std::uint64_t>(mark) ? CursorOrigin::here : CursorOrigin::another;
}

std::size_t cursor_word(const resp::RequestView& request) noexcept {
    const std::size_t position = resp::is_word(request.arg(0), "scan") ? 1 : 2;
    return position < request.argc() ? position : 0;
}

std::string without_mark(const resp::RequestView& request) {
    const std::size_t position = cursor_word(request);
    const std::optional<std::uint64_t> cursor = position > 0 ? number(request.arg(position)) : std::nullopt;
    if (!cursor || *cursor < kCursors) {
        return std::string(request.frame());
    }
    return with_word(request, position, std::to_string(*cursor & (kCursors - 1)));
}

std::string with_mark(const resp::RequestView& request, CursorMark mark) {
    const std::size_t position = cursor_word(request);
    const std::optional<std::uint64_t> cursor = position > 0 ? number(request.arg(position)) : std::nullopt;
    if (!cursor || !goes_on(*cursor) || mark == CursorMark::none) {
        return std::string(request.frame());
    }
    return with_word(request, position, std::to_string(marked(*cursor, mark)));
}

std::optional<std::string> marked_reply(std::string_view reply, CursorMark mark) {
    constexpr std::string_view kHead = "*2\r\n$";
    constexpr std::size_t kDigits = 20;
    if (!reply.starts_with(kHead) || mark == CursorMark::none) {
        return std::nullopt;
    }
    const std::size_t line = reply.find("\r\n", kHead.size());
    const std::size_t begin = line + 2;
    const std::size_t end = line == std::string_view::npos ? line : reply.find("\r\n", begin);
    if (end == std::string_view::npos || end - begin > kDigits ||
        number(reply.substr(kHead.size(), line - kHead.size())) != end - begin) {
        return std::nullopt;
    }
    const std::optional<std::uint64_t> cursor = number(reply.substr(begin, end - begin));
    if (!cursor || !goes_on(*cursor)) {
        return std::nullopt;
    }
    std::string out;
    out.reserve(reply.size() + kDigits);
    resp::write_array_header(out, 2);
    resp::write_bulk(out, std::to_string(marked(*cursor, mark)));
    out += reply.substr(end + 2);
    return out;
}

}  // namespace portal::conversation
