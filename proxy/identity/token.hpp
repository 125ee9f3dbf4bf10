// A JWT in the compact form (RFC 7519, 7515), taken apart. Nothing in it is to be believed before its signature is
// checked. Pure.
#pragma once

#include "identity/public_key.hpp"
#include "identity/refusal.hpp"

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace portal::identity {

inline constexpr std::size_t kLongestToken = 8192;

/// It has the form of a JWT, however long. What has not is no token, but may be a password.
[[nodiscard]] bool looks_like_token(std::string_view secret) noexcept;

struct Token {
    Algorithm algorithm = Algorithm::rs256;
    std::optional<std::string> key_id;
    boost::json::object claims;
    std::string payload;           // of which `claims` were read
    std::string_view signed_part;  // within the text that was read
    std::string signature;
};

struct TokenRead {
    std::optional<Token> token;
    Refusal refusal = Refusal::none;
    /// Of a refused one, too, where it can be read.
    std::string issuer;
};

[[nodiscard]] TokenRead read_token(std::string_view text);

}  // namespace portal::identity
