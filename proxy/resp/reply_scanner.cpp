#include "resp/frame_scanner.hpp"
#include "resp/nested_push.hpp"
#include "resp/plain_length.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace portal::resp {
namespace {

// Size of the value at `bytes` if it is a short line or a string and there as a whole, as most values are; 0 for
// anything else, which the careful path then looks at.
std::size_t plain_value(std::string_view bytes, const ReplyLimits& limits) noexcept {
    const char* const begin = bytes.data();
    const char* const end = begin + bytes.size();
    switch (*begin) {
        case '$': {
            std::int64_t length = 0;
            const char* const content = plain_length(begin + 1, end, length);
            if (content == nullptr || length > limits.bulk || length + 2 > end - content || content[length] != '\r' ||
                content[length + 1] != '\n') {
                return 0;
            }
            return static_cast<std::size_t>(content - begin) + static_cast<std::size_t>(length) + 2;
        }
        case '+':
        case '-':
        case ':':
        case ',':
        case '#':
        case '_': {
            constexpr std::int64_t kShort = 24;
            const char* const last = begin + std::min<std::int64_t>(end - begin - 1, std::min(kShort, limits.line) + 2);
            const char* at = begin + 1;
            while (at < last && *at != '\r') {
                ++at;
            }
            return at < last && at[1] == '\n' ? static_cast<std::size_t>(at - begin) + 2 : 0;
        }
        default:
            return 0;
    }
}

}  // namespace

/// A line that announces a length, without its first byte.
struct ReplyScanner::Length {
    enum class Kind : std::uint8_t { number, null, streamed, need_more, malformed };
    Kind kind = Kind::need_more;
    std::int64_t value = 0;
    std::size_t size = 0;  // bytes of the line with its end

    /// Takes "<digits>", "-1" or "?" and CR LF. Looks at no more bytes than it needs to say no, so the answer does not
    /// depend on how many follow.
    static Length read(std::string_view bytes) noexcept {
        std::size_t at = 0;
        Length result;
        const auto rest_is = [&](std::string_view expected) noexcept {
            const std::string_view rest = bytes.substr(0, expected.size());
            if (rest != expected.substr(0, rest.size())) {
                return Kind::malformed;
            }
            return rest.size() < expected.size() ? Kind::need_more : Kind::number;
        };
        if (bytes.starts_with('-') || bytes.starts_with('?')) {
            const std::string_view expected = bytes.front() == '-' ? "-1\r\n" : "?\r\n";
            result.kind = rest_is(expected);
            if (result.kind == Kind::number) {
                result.kind = bytes.front() == '-' ? Kind::null : Kind::streamed;
                result.size = expected.size();
            }
            return result;
        }
        constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
        for (; at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9'; ++at) {
            const int digit = bytes[at] - '0';
            const bool leading_zero = at > 0 && result.value == 0;
            if (leading_zero || result.value > (kMost - digit) / 10) {
                result.kind = Kind::malformed;
                return result;
            }
            result.value = result.value * 10 + digit;
        }
        const std::string_view end = bytes.substr(at, 2);
        if ((!end.empty() && (at == 0 || end[0] != '\r')) || (end.size() == 2 && end[1] != '\n')) {
            result.kind = Kind::malformed;
        } else if (end.size() == 2) {
            result.kind = Kind::number;
            result.size = at + 2;
        }
        return result;
    }
};

ScanResult ReplyScanner::scan(std::string_view bytes) noexcept {
    if (failed_) {
        return {ScanStatus::error, 0, error_};
    }
    if (bytes.size() > position_ && outstanding_ == 0 && depth_ == 0) {
        if (const std::size_t plain = plain_value(bytes, *limits_); plain > 0) {  // nearly every reply
            type_ = bytes.front();
            return {ScanStatus::complete, plain, {}};
        }
        outstanding_ = 1;
        in_value_ = inside_ = false;
        type_ = 0;
    }
    while (bytes.size() > position_) {
        const std::size_t plain =
            phase_ == Phase::value && outstanding_ > 0 ? plain_value(bytes.substr(position_), *limits_) : 0;
        Step result = Step::go_on;
        if (plain > 0) {
            begin_value(bytes[position_]);
            position_ += plain;
            value_done();
        } else {
            result = step(bytes);
        }
        if (result == Step::need_more) {
            return {};
        }
        if (result != Step::go_on) {
            failed_ = true;
            error_ = result == Step::too_large  ? Error::reply_too_large
                     : result == Step::too_deep ? Error::reply_too_deep
                                                : Error::malformed_reply;
            return {ScanStatus::error, 0, error_};
        }
        if (outstanding_ == 0 && depth_ == 0) {
            const std::size_t size = position_;
            position_ = 0;
            return {ScanStatus::complete, size, {}};
        }
    }
    return {};
}

ReplyScanner::Step ReplyScanner::step(std::string_view bytes) noexcept {
    switch (phase_) {
        case Phase::value:
            return scan_value(bytes);
        case Phase::bulk:
            return scan_bulk(bytes);
        case Phase::text:
            return scan_text(bytes);
        case Phase::chunks:
            return scan_chunk(bytes);
    }
    return Step::malformed;
}

ReplyScanner::Step ReplyScanner::scan_value(std::string_view bytes) noexcept {
    const char type = bytes[position_];
    const bool between_elements = outstanding_ == 0;  // of a streamed aggregate
    begin_value(type);
    switch (type) {
        case '+':
        case '-':
        case ':':
        case ',':
        case '(':
        case '#':
        case '_':
            outstanding_ += between_elements ? 1 : 0;
            ++position_;
            left_ = limits_->line;
            phase_ = Phase::text;
            return scan_text(bytes);
        case '$':
        case '=':
        case '!':
        case '*':
        case '~':
        case '>':
        case '%':
        case '|':
            break;
        case '.': {
            if (!between_elements || streamed_[depth_ - 1].odd) {
                return Step::malformed;
            }
            const std::string_view end = std::string_view(".\r\n").substr(0, bytes.size() - position_);
            if (bytes.substr(position_, end.size()) != end) {
                return Step::malformed;
            }
            if (end.size() < 3) {
                return Step::need_more;
            }
            position_ += 3;
            --depth_;
            outstanding_ = streamed_[depth_].outstanding;
            value_done();
            return Step::go_on;
        }
        default:
            return Step::malformed;
    }

    const Length length = Length::read(bytes.substr(position_ + 1));
    if (length.kind == Length::Kind::need_more) {
        return Step::need_more;
    }
    if (length.kind == Length::Kind::malformed) {
        return Step::malformed;
    }
    if (type == '>' && inside_ && !between_elements && length.kind == Length::Kind::number) {
        const NestedPush push = look_at_nested_push(bytes.substr(position_ + 1 + length.size), length.value);
        if (push == NestedPush::need_more) {
            return Step::need_more;
        }
        if (push == NestedPush::stands_beside) {
            position_ += 1 + length.size;
            return add_elements(length.value, 1);
        }
    }
    position_ += 1 + length.size;
    outstanding_ += between_elements ? 1 : 0;
    if (length.kind == Length::Kind::null) {
        if (type != '$' && type != '*') {
            return Step::malformed;
        }
        value_done();
        return Step::go_on;
    }
    if (type != '$' && type != '=' && type != '!') {
        return open_aggregate(type, length);
    }
    if (length.kind == Length::Kind::streamed) {
        if (type != '$') {
            return Step::malformed;
        }
        streaming_string_ = true;
        phase_ = Phase::chunks;
        return Step::go_on;
    }
    return open_bulk(length);
}

ReplyScanner::Step ReplyScanner::open_bulk(const Length& length) noexcept {
    if (length.value > limits_->bulk) {
        return Step::too_large;
    }
    left_ = length.value;
    phase_ = Phase::bulk;
    return Step::go_on;
}

ReplyScanner::Step ReplyScanner::add_elements(std::int64_t count, std::int64_t per_element) noexcept {
    if (count > (std::numeric_limits<std::int64_t>::max() - outstanding_) / per_element) {
        return Step::too_large;
    }
    outstanding_ += count * per_element;
    return Step::go_on;
}

ReplyScanner::Step ReplyScanner::open_aggregate(char type, const Length& length) noexcept {
    inside_ = inside_ || in_value_;
    if (length.kind == Length::Kind::streamed) {
        if (type == '>' || type == '|') {
            return Step::malformed;
        }
        if (depth_ >= std::min(limits_->depth, kMaxDepth)) {
            return Step::too_deep;
        }
        streamed_[depth_] = {.outstanding = outstanding_, .map = type == '%', .odd = false};
        ++depth_;
        outstanding_ = 0;
        return Step::go_on;
    }
    const Step added = add_elements(length.value, type == '%' || type == '|' ? 2 : 1);
    if (added == Step::go_on && type != '|') {
        value_done();
    }
    return added;
}

ReplyScanner::Step ReplyScanner::scan_bulk(std::string_view bytes) noexcept {
    const std::size_t available = bytes.size() - position_;
    if (available < static_cast<std::uint64_t>(left_)) {
        left_ -= static_cast<std::int64_t>(available);
        position_ = bytes.size();
        return Step::need_more;
    }
    position_ += static_cast<std::size_t>(left_);
    left_ = 0;
    if (bytes.size() - position_ < 2) {
        return Step::need_more;
    }
    if (bytes[position_] != '\r' || bytes[position_ + 1] != '\n') {
        return Step::malformed;
    }
    position_ += 2;
    if (streaming_string_) {
        phase_ = Phase::chunks;
    } else {
        phase_ = Phase::value;
        value_done();
    }
    return Step::go_on;
}

ReplyScanner::Step ReplyScanner::scan_text(std::string_view bytes) noexcept {
    // Most lines are a few bytes, for which a call of memchr costs more than it saves.
    constexpr std::size_t kShort = 16;
    const std::size_t first = position_;
    std::size_t at = first;
    while (true) {
        const std::size_t near = std::min(bytes.size(), at + kShort);
        while (at < near && bytes[at] != '\r') {
            ++at;
        }
        if (at == near && at < bytes.size()) {
            const void* const found = std::memchr(bytes.data() + at, '\r', bytes.size() - at);
            at = found == nullptr ? bytes.size()
                                  : static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
        }
        if (at - first > static_cast<std::uint64_t>(left_)) {
            return Step::too_large;
        }
        if (at + 1 >= bytes.size()) {
            left_ -= static_cast<std::int64_t>(at - first);
            position_ = at;
            return Step::need_more;
        }
        if (bytes[at + 1] == '\n') {
            position_ = at + 2;
            phase_ = Phase::value;
            value_done();
            return Step::go_on;
        }
        ++at;
    }
}

ReplyScanner::Step ReplyScanner::scan_chunk(std::string_view bytes) noexcept {
    if (bytes[position_] != ';') {
        return Step::malformed;
    }
    const Length length = Length::read(bytes.substr(position_ + 1));
    if (length.kind == Length::Kind::need_more) {
        return Step::need_more;
    }
    if (length.kind != Length::Kind::number) {
        return Step::malformed;
    }
    position_ += 1 + length.size;
    if (length.value == 0) {
        streaming_string_ = false;
        phase_ = Phase::value;
        value_done();
        return Step::go_on;
    }
    return open_bulk(length);
}

std::uint64_t ReplyScanner::announced() const noexcept {
    constexpr std::uint64_t kLeast = 3;          // "_\r\n"
    constexpr std::uint64_t kMost = 1ULL << 48;  // a node may announce what would overflow the product
    const std::uint64_t values = outstanding_ > 0 ? static_cast<std::uint64_t>(outstanding_) : 0;
    return std::min(values, kMost) * kLeast + (phase_ == Phase::bulk ? static_cast<std::uint64_t>(left_) : 0);
}

void ReplyScanner::begin_value(char type) noexcept {
    if (outstanding_ == 1 && depth_ == 0 && !in_value_ && type != '|') {
        in_value_ = true;
        type_ = type;
    }
}

void ReplyScanner::value_done() noexcept {
    --outstanding_;
    if (outstanding_ == 0 && depth_ > 0) {
        Streamed& around = streamed_[depth_ - 1];
        around.odd = around.map && !around.odd;
    }
}

}  // namespace portal::resp
