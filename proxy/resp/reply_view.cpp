#include "resp/reply_view.hpp"

#include "resp/nested_push.hpp"
#include "resp/plain_length.hpp"
#include "resp/words.hpp"

#include <algorithm>
#include <array>

namespace portal::resp {

ReplyView::Head ReplyView::Head::read(std::string_view bytes) noexcept {
    switch (bytes.empty() ? '\0' : bytes.front()) {
        case '+':
        case '-':
        case ':':
        case ',':
        case '(':
        case '#':
        case '_':
            return read_line(bytes);
        case '$':
        case '=':
        case '!':
        case '*':
        case '~':
        case '>':
        case '%':
        case '|':
            return read_length(bytes);
        default:
            return {};
    }
}

ReplyView::Head ReplyView::Head::read_line(std::string_view bytes) noexcept {
    // Most lines are a few bytes, for which a search costs more than it saves.
    constexpr std::size_t kShort = 24;
    const std::size_t near = std::min(bytes.size(), kShort);
    std::size_t end = 1;
    while (end < near && bytes[end] != '\r') {
        ++end;
    }
    if (end + 1 >= bytes.size() || bytes[end] != '\r' || bytes[end + 1] != '\n') {
        end = bytes.find("\r\n", 1);
    }
    return end == std::string_view::npos ? Head{} : Head{bytes.front(), bytes.substr(1, end - 1), end + 2, 0};
}

/// A line with a length, and a string of that length behind it if it is one.
ReplyView::Head ReplyView::Head::read_length(std::string_view bytes) noexcept {
    const char type = bytes.front();
    std::int64_t length = 0;
    std::size_t size = 0;
    const char* const plain = plain_length(bytes.data() + 1, bytes.data() + bytes.size(), length);
    if (plain != nullptr && plain[-1] == '\n') {
        size = static_cast<std::size_t>(plain - bytes.data());
    } else {
        const Head line = read_line(bytes);
        if (line.content == "-1" && (type == '$' || type == '*')) {
            return {'_', {}, line.size, 0};
        }
        length = to_integer(line.content).value_or(-1);
        size = line.size;
    }
    const std::string_view behind = bytes.substr(size);
    if (length < 0 || static_cast<std::uint64_t>(length) > behind.size()) {
        return {};
    }
    const auto count = static_cast<std::size_t>(length);
    if (type == '$' || type == '=' || type == '!') {
        return behind.substr(count, 2) == "\r\n" ? Head{type, behind.substr(0, count), size + count + 2, 0} : Head{};
    }
    return {type, {}, size, type == '%' || type == '|' ? 2 * count : count};
}

/// A message within another value, which is none of its elements.
bool ReplyView::Head::stands_beside(std::string_view bytes) const noexcept {
    return type == '>' &&
           look_at_nested_push(bytes.substr(size), static_cast<std::int64_t>(elements)) == NestedPush::stands_beside;
}

ReplyView ReplyView::whole(std::string_view frame) noexcept {
    bool inside = false;                               // the value, so that a push may stand beside its elements
    std::array<std::size_t, kDeepest + 1> to_come{1};  // values, at each level of nesting
    std::size_t depth = 0;
    std::size_t at = 0;
    ReplyView found;
    while (depth > 0 || to_come[0] > 0) {
        const Head head = Head::read(frame.substr(at));
        if (head.type == 0 || (head.elements > 0 && depth == kDeepest)) {
            return {};
        }
        const bool beside = inside && head.stands_beside(frame.substr(at));
        inside = inside || (depth == 0 && head.type != '|');
        if (head.type != '|' && !beside) {  // an attribute is no value, but stands before one
            found = depth == 0 ? ReplyView(head, frame.substr(at)) : found;
            --to_come[depth];
        }
        at += head.size;
        if (head.elements > 0) {
            to_come[++depth] = head.elements;
        }
        while (depth > 0 && to_come[depth] == 0) {
            --depth;
        }
    }
    return at == frame.size() ? found : ReplyView();
}

/// Of `count` values one behind the other, with attributes. Counting is enough here: all of it was checked.
std::size_t ReplyView::size_of_elements(std::string_view checked, std::size_t count) noexcept {
    std::size_t at = 0;
    for (std::size_t to_come = count; to_come > 0;) {
        const Head head = Head::read(checked.substr(at));
        to_come += head.elements;
        to_come -= head.type == '|' || head.stands_beside(checked.substr(at)) ? 0U : 1U;
        at += head.size;
    }
    return at;
}

std::string_view ReplyView::bytes() const noexcept {
    return from_.substr(0, head_.size + size_of_elements(from_.substr(head_.size), head_.elements));
}

std::optional<std::string_view> ReplyView::text() const noexcept {
    constexpr std::size_t kFormat = 4;  // "txt:"
    switch (head_.type) {
        case '+':
        case '$':
            return head_.content;
        case '=':
            return head_.content.substr(head_.content.size() < kFormat ? 0 : kFormat);
        default:
            return std::nullopt;
    }
}

std::optional<std::int64_t> ReplyView::integer() const noexcept {
    return head_.type == ':' ? to_integer(head_.content) : std::nullopt;
}

std::optional<std::string_view> ReplyView::error() const noexcept {
    return head_.type == '-' || head_.type == '!' ? std::optional(head_.content) : std::nullopt;
}

ReplyView::Elements ReplyView::elements() const noexcept {
    return {from_.substr(head_.size), head_.elements};
}

ReplyView ReplyView::value_of(std::string_view key) const noexcept {
    for (Elements pairs = elements(); pairs.left() > 1;) {
        const bool found = pairs.next().text() == key;
        const ReplyView value = pairs.next();
        if (found) {
            return value;
        }
    }
    return {};
}

ReplyView ReplyView::Elements::next() noexcept {
    if (left_ == 0) {
        return {};
    }
    --left_;
    rest_.remove_prefix(size_of_elements(rest_, elements_given_));
    Head head = Head::read(rest_);
    while (head.type == '|' || head.stands_beside(rest_)) {
        rest_.remove_prefix(head.size);
        rest_.remove_prefix(size_of_elements(rest_, head.elements));
        head = Head::read(rest_);
    }
    const ReplyView element(head, rest_);
    rest_.remove_prefix(head.size);
    elements_given_ = head.elements;
    return element;
}

}  // namespace portal::resp
