#include "resp/frame_scanner.hpp"
#include "resp/inline_words.hpp"
#include "resp/plain_length.hpp"

#include <algorithm>
#include <limits>

namespace portal::resp {
namespace {

constexpr std::int64_t kUnauthenticatedArguments = 10;
constexpr std::int64_t kUnauthenticatedBulk = 16384;

// redis-server's string2ll: no blanks, no '+', no leading zeros, no "-0", nothing beyond 64 bits.
bool strict_number(std::string_view text, std::int64_t& value) noexcept {
    if (text == "0") {
        value = 0;
        return true;
    }
    const bool negative = text.starts_with('-');
    if (negative) {
        text.remove_prefix(1);
    }
    if (text.empty() || text.size() > 19 || text.front() == '0') {
        return false;
    }
    std::uint64_t number = 0;
    for (const char byte : text) {
        if (byte < '0' || byte > '9') {
            return false;
        }
        number = number * 10 + static_cast<std::uint64_t>(byte - '0');
    }
    constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
    if (number > kMost + (negative ? 1 : 0)) {
        return false;
    }
    value = static_cast<std::int64_t>(negative ? 0 - number : number);
    return true;
}

}  // namespace

ScanResult RequestScanner::scan(std::string_view bytes) noexcept {
    if (failed_) {
        return {ScanStatus::error, 0, error_};
    }
    const char* const begin = bytes.data();
    const char* const end = begin + bytes.size();
    const char* at = begin + position_;
    std::int64_t arguments_left = arguments_left_;
    std::uint64_t bulk_left = bulk_left_;
    const auto offset = [begin](const char* byte) noexcept { return static_cast<std::size_t>(byte - begin); };

    if (arguments_left < 0) {
        if (bytes.empty()) {
            return {};
        }
        if (*begin != '*') {
            return scan_inline(bytes);
        }
        const char* const next = plain_length(at + 1, end, arguments_left);
        if (next != nullptr) {
            at = next;
        } else {
            switch (find_line_end(bytes, 0, '\r')) {
                case Line::need_more:
                    return {};
                case Line::too_long:
                    return fail(Error::too_big_mbulk_count);
                case Line::complete:
                    break;
            }
            if (!strict_number(bytes.substr(1, searched_ - 1), arguments_left)) {
                return fail(Error::invalid_multibulk_length);
            }
            at += searched_ + 2;
        }
        if (arguments_left > limits_->arguments) {
            return fail(Error::invalid_multibulk_length);
        }
        if (arguments_left > kUnauthenticatedArguments && !limits_->authenticated) {
            return fail(Error::unauthenticated_multibulk_length);
        }
        if (next == nullptr && at[-1] != '\n') {
            return fail(Error::expected_line_end);
        }
        if (arguments_left <= 0) {
            return finish(ScanStatus::empty, offset(at));
        }
        searched_ = 0;
    }

    const std::int64_t bulk_limit = limits_->bulk;
    const std::int64_t bulk_free = limits_->authenticated ? bulk_limit : std::min(kUnauthenticatedBulk, bulk_limit);
    const std::uint64_t request_limit = limits_->request;
    while (true) {
        if (bulk_left == 0) {
            std::int64_t length = 0;
            const char* const next = at != end && *at == '$' ? plain_length(at + 1, end, length) : nullptr;
            if (next != nullptr) {
                at = next;
            } else {
                const std::size_t start = offset(at);
                switch (find_line_end(bytes, start, '\r')) {
                    case Line::need_more:
                        return suspend(start, arguments_left, 0);
                    case Line::too_long:
                        return fail(Error::too_big_bulk_count);
                    case Line::complete:
                        break;
                }
                if (*at != '$') {
                    offending_ = *at;
                    return fail(Error::expected_bulk);
                }
                if (!strict_number(bytes.substr(start + 1, searched_ - 1), length) || length < 0) {
                    return fail(Error::invalid_bulk_length);
                }
                at += searched_ + 2;
            }
            searched_ = 0;
            if (length > bulk_free) {
                return fail(length > bulk_limit ? Error::invalid_bulk_length : Error::unauthenticated_bulk_length);
            }
            if (next == nullptr && at[-1] != '\n') {
                return fail(Error::expected_line_end);
            }
            bulk_left = static_cast<std::uint64_t>(length) + 2;
            const std::uint64_t before = dropped_ + offset(at);
            if (before > request_limit || bulk_left > request_limit - before) {
                return fail(Error::request_too_large);
            }
        }
        const auto available = static_cast<std::uint64_t>(end - at);
        if (available < bulk_left) {
            if (available > 0 && bulk_left - available == 1 && end[-1] != '\r') {
                return fail(Error::expected_line_end);
            }
            return suspend(bytes.size(), arguments_left, bulk_left - available);
        }
        at += bulk_left;
        // Of a line end that came in two pieces, CR was looked at when it came.
        if (at[-1] != '\n' || (bulk_left > 1 && at[-2] != '\r')) {
            return fail(Error::expected_line_end);
        }
        bulk_left = 0;
        if (--arguments_left == 0) {
            return finish(ScanStatus::complete, offset(at));
        }
    }
}

ScanResult RequestScanner::scan_inline(std::string_view bytes) noexcept {
    switch (find_line_end(bytes, 0, '\n')) {
        case Line::need_more:
            return {};
        case Line::too_long:
            return fail(Error::too_big_inline_request);
        case Line::complete:
            break;
    }
    const std::size_t size = searched_ + 1;
    bool words = false;
    if (!split_words(
            without_line_end(bytes.substr(0, size)), [](char) {}, [&words] { words = true; })) {
        return fail(Error::unbalanced_quotes);
    }
    if (size > limits_->request) {
        return fail(Error::request_too_large);
    }
    return finish(words ? ScanStatus::complete : ScanStatus::empty, size);
}

// Afterwards searched_ is the length of the line if it is complete: with CR, the byte after it must be there too. A NUL
// hides the rest of the line from redis-server, which searches a C string.
RequestScanner::Line RequestScanner::find_line_end(std::string_view bytes, std::size_t start, char end) noexcept {
    const std::string_view line = bytes.substr(start);
    const bool over = line.size() > limits_->line;
    const std::size_t most = over ? limits_->line + 1 : line.size();
    while (searched_ < most && line[searched_] != end && line[searched_] != '\0') {
        ++searched_;
    }
    if (searched_ < most && line[searched_] == end) {
        return end == '\r' && searched_ + 2 > line.size() ? Line::need_more : Line::complete;
    }
    return over ? Line::too_long : Line::need_more;
}

ScanResult RequestScanner::suspend(std::size_t position, std::int64_t arguments_left,
                                   std::uint64_t bulk_left) noexcept {
    position_ = position;
    arguments_left_ = arguments_left;
    bulk_left_ = bulk_left;
    return {};
}

ScanResult RequestScanner::finish(ScanStatus status, std::size_t size) noexcept {
    position_ = 0;
    dropped_ = 0;
    searched_ = 0;
    arguments_left_ = -1;
    bulk_left_ = 0;
    return {status, size, {}};
}

ScanResult RequestScanner::fail(Error error) noexcept {
    failed_ = true;
    error_ = error;
    return {ScanStatus::error, 0, error};
}

std::uint64_t RequestScanner::announced() const noexcept {
    return bulk_left_;
}

std::string RequestScanner::error_text(Error error) const {
    std::string text = make_error_code(error).message();
    if (error == Error::expected_bulk) {
        // The text becomes one line of a reply.
        text += ", got '";
        text += offending_ == '\r' || offending_ == '\n' ? ' ' : offending_;
        text += '\'';
    }
    return text;
}

}  // namespace portal::resp
