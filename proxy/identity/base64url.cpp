#include "identity/base64url.hpp"

#include <cstdint>

namespace portal::identity {

namespace {

std::uint32_t value_of(char c) noexcept {
    if (c >= 'A' && c <= 'Z') {
        return static_cast<std::uint32_t>(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return static_cast<std::uint32_t>(c - 'a') + 26;
    }
    if (c >= '0' && c <= '9') {
        return static_cast<std::uint32_t>(c - '0') + 52;
    }
    return c == '-' ? 62 : 63;
}

}  // namespace

std::optional<std::string> decode_base64url(std::string_view text) {
    if (text.size() % 4 == 1) {
        return std::nullopt;
    }
    std::string bytes;
    bytes.reserve(text.size() * 3 / 4);
    std::uint32_t kept = 0;
    unsigned bits = 0;
    for (const char c : text) {
        if (!is_base64url(c)) {
            return std::nullopt;
        }
        kept = (kept << 6U) | value_of(c);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes += static_cast<char>(static_cast<unsigned char>((kept >> bits) & 0xffU));
            kept &= (1U << bits) - 1U;
        }
    }
    if (kept != 0) {
        return std::nullopt;
    }
    return bytes;
}

}  // namespace portal::identity
