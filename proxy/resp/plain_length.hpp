// The fast path of both scanners for lines such as "$20\r\n" that are there as a whole.
#pragma once

#include <algorithm>
#include <cstdint>

namespace portal::resp {

// The length lines of nearly every request: up to nine digits without a sign, then CR LF. Gives what follows them;
// nullptr for anything else, complete or not, which the careful path then looks at.
[[nodiscard]] inline const char* plain_length(const char* at, const char* end, std::int64_t& value) noexcept {
    const auto digit = [](char byte) noexcept {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(byte)) - static_cast<std::uint32_t>('0');
    };
    if (end - at < 3) {
        return nullptr;
    }
    std::uint32_t number = digit(at[0]);
    if (number > 9) {
        return nullptr;
    }
    if (at[1] == '\r') {
        value = number;
        return at[2] == '\n' ? at + 3 : nullptr;
    }
    if (number == 0) {
        return nullptr;
    }
    const char* const last = std::min(at + 9, end - 2);
    for (++at; at < last; ++at) {
        const std::uint32_t next = digit(at[0]);
        if (next > 9) {
            return nullptr;
        }
        number = number * 10 + next;
        if (at[1] == '\r') {
            value = number;
            return at[2] == '\n' ? at + 3 : nullptr;
        }
    }
    return nullptr;
}

}  // namespace portal::resp
