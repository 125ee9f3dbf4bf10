#include "resp/reply_view.hpp"

#include "resp/words.hpp"

#include <array>

namespace portal::resp {

/// What the first line of a value says, and the string behind it.
struct ReplyView::Head {
    std::string_view content;  // of a line or a string
    std::size_t size = 0;      // bytes, with the string behind it and without elements
    std::size_t elements = 0;

    /// Nothing when `bytes` do not begin with such a line, or the string is not all there.
    static std::optional<Head> read(std::string_view bytes) noexcept {
        const std::size_t end = bytes.find("\r\n");
        if (end == 0 || end == std::string_view::npos) {
            return std::nullopt;
        }
        const char type = bytes.front();
        Head head{bytes.substr(1, end - 1), end + 2};
        switch (type) {
            case '+':
            case '-':
            case ':':
            case ',':
            case '(':
            case '#':
            case '_':
                return head;
            case '$':
            case '=':
            case '!':
            case '*':
            case '~':
            case '>':
            case '%':
            case '|':
                return head.announces(type, bytes.substr(head.size)) ? std::optional(head) : std::nullopt;
            default:
                return std::nullopt;
        }
    }

  private:
    /// `content` is a length; `behind` follows the line.
    bool announces(char type, std::string_view behind) noexcept {
        if (content == "-1") {
            return type == '$' || type == '*';
        }
        const auto length = to_integer(content);
        if (!length || static_cast<std::uint64_t>(*length) > behind.size()) {  // also of less than nothing
            return false;
        }
        const auto count = static_cast<std::size_t>(*length);
        if (type == '$' || type == '=' || type == '!') {
            content = behind.substr(0, count);
            size += count + 2;
            return behind.substr(count, 2) == "\r\n";
        }
        elements = type == '%' || type == '|' ? 2 * count : count;
        return true;
    }
};

ReplyView ReplyView::whole(std::string_view frame) noexcept {
    std::array<std::size_t, kDeepest + 1> to_come{1};  // values, at each level of nesting
    std::size_t depth = 0;
    std::size_t begin = 0;
    for (std::size_t at = 0; depth > 0 || to_come[0] > 0;) {
        const auto head = Head::read(frame.substr(at));
        if (!head || (head->elements > 0 && depth == kDeepest)) {
            return {};
        }
        if (frame[at] != '|') {  // an attribute is no value, but stands before one
            begin = depth == 0 ? at : begin;
            --to_come[depth];
        }
        at += head->size;
        if (head->elements > 0) {
            to_come[++depth] = head->elements;
        }
        while (depth > 0 && to_come[depth] == 0) {
            --depth;
        }
        if (depth == 0 && to_come[0] == 0 && at != frame.size()) {
            return {};
        }
    }
    return ReplyView(frame.substr(begin));
}

/// With the attributes in front of the value, if it has any. Counting is enough here: all of it was checked.
std::size_t ReplyView::size_at_front(std::string_view checked) noexcept {
    std::size_t at = 0;
    for (std::size_t to_come = 1; to_come > 0;) {
        const Head head = Head::read(checked.substr(at)).value_or(Head{});
        to_come += head.elements;
        to_come -= checked[at] == '|' ? 0U : 1U;
        at += head.size;
    }
    return at;
}

char ReplyView::type() const noexcept {
    if (from_.empty()) {
        return '\0';
    }
    const char first = from_.front();
    return (first == '$' || first == '*') && from_[1] == '-' ? '_' : first;
}

std::string_view ReplyView::bytes() const noexcept {
    return from_.empty() ? from_ : from_.substr(0, size_at_front(from_));
}

std::optional<std::string_view> ReplyView::text() const noexcept {
    constexpr std::size_t kFormat = 4;  // "txt:"
    switch (type()) {
        case '+':
        case '$':
            return Head::read(from_)->content;
        case '=': {
            const std::string_view content = Head::read(from_)->content;
            return content.substr(content.size() < kFormat ? 0 : kFormat);
        }
        default:
            return std::nullopt;
    }
}

std::optional<std::int64_t> ReplyView::integer() const noexcept {
    return type() == ':' ? to_integer(Head::read(from_)->content) : std::nullopt;
}

std::optional<std::string_view> ReplyView::error() const noexcept {
    return type() == '-' || type() == '!' ? std::optional(Head::read(from_)->content) : std::nullopt;
}

ReplyView::Elements ReplyView::elements() const noexcept {
    const Head head = Head::read(from_).value_or(Head{});
    return {from_.substr(head.size), head.elements};
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
    if (given_) {
        rest_.remove_prefix(size_at_front(rest_));
        given_ = false;
    }
    if (left_ == 0) {
        return {};
    }
    --left_;
    while (rest_.front() == '|') {
        const Head head = Head::read(rest_).value_or(Head{});
        rest_.remove_prefix(head.size);
        for (std::size_t i = 0; i < head.elements; ++i) {
            rest_.remove_prefix(size_at_front(rest_));
        }
    }
    given_ = true;
    return ReplyView(rest_);
}

}  // namespace portal::resp
