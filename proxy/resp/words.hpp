// What the portal reads of the arguments of the commands that it answers itself: option words and integers, as
// redis-server reads them. Pure.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace portal::resp {

/// True if `given` is `word`, in any case.
[[nodiscard]] constexpr bool is_word(std::string_view given, std::string_view word) noexcept {
    if (given.size() != word.size()) {
        return false;
    }
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
    for (std::size_t i = 0; i < given.size(); ++i) {
        if (lower(given[i]) != lower(word[i])) {
            return false;
        }
    }
    return true;
}

/// Decimal, the whole text; what string2ll of redis-server accepts: no sign but '-', no leading zeros.
[[nodiscard]] inline std::optional<std::int64_t> to_integer(std::string_view text) noexcept {
    const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool padded = digits.starts_with('0') && text != "0";
    if (error != std::errc{} || end != text.data() + text.size() || padded) {
        return std::nullopt;
    }
    return value;
}

/// No spaces, newlines or special characters: what redis-server takes as the name of a client.
[[nodiscard]] constexpr bool is_printable_word(std::string_view text) noexcept {
    for (const char c : text) {
        if (c < '!' || c > '~') {
            return false;
        }
    }
    return true;
}

}  // namespace portal::resp
