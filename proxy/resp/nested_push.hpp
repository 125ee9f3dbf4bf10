// A push (RESP3) within another value. SUBSCRIBE and its kin are answered by one, which is then an element of EXEC's
// answer. All others are messages that a node has put between two elements, as Redis 7.0 does with those that a
// transaction causes for its own client; they are no elements. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace portal::resp {

enum class NestedPush : std::uint8_t {
    need_more,      // cannot be told yet
    counts,         // it is an element
    stands_beside,  // it is none
};

/// `elements`: what is there behind the head of a push that announces `count` elements.
[[nodiscard]] constexpr NestedPush look_at_nested_push(std::string_view elements, std::int64_t count) noexcept {
    constexpr std::string_view kLongest = "punsubscribe";
    constexpr std::size_t kDigits = 2;
    if (count == 0) {
        return NestedPush::counts;
    }
    if (elements.empty()) {
        return NestedPush::need_more;
    }
    if (elements.front() != '$') {
        return NestedPush::stands_beside;
    }
    std::size_t at = 1;
    std::size_t size = 0;
    while (at < elements.size() && elements[at] >= '0' && elements[at] <= '9' && at <= kDigits + 1) {
        size = size * 10 + static_cast<std::size_t>(elements[at++] - '0');
    }
    const bool malformed = at > 2 && elements[1] == '0';  // which is not waited for
    if (malformed || at > kDigits + 1 || size > kLongest.size()) {
        return NestedPush::stands_beside;
    }
    const std::string_view end = elements.substr(at, 2);
    if (end != std::string_view("\r\n").substr(0, end.size())) {
        return NestedPush::stands_beside;
    }
    const std::string_view word = end.size() < 2 ? std::string_view() : elements.substr(at + 2, size);
    if (end.size() < 2 || word.size() < size) {
        return NestedPush::need_more;
    }
    return word.ends_with("subscribe") ? NestedPush::counts : NestedPush::stands_beside;
}

}  // namespace portal::resp
