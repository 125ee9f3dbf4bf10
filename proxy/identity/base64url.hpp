// Base64url as tokens and key sets have it (RFC 7515, section 2): without padding, and one way only to write each
// value. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace portal::identity {

/// Empty for any other character, for padding, for an impossible length, and for bits behind the last byte that are not
/// zero.
[[nodiscard]] std::optional<std::string> decode_base64url(std::string_view text);

[[nodiscard]] constexpr bool is_base64url(char c) noexcept {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

}  // namespace portal::identity
