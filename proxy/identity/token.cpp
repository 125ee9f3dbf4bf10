#include "identity/token.hpp"

#include "identity/base64url.hpp"
#include "identity/json.hpp"

#include <algorithm>
#include <strings.h>
#include <utility>

namespace portal::identity {
namespace json = boost::json;

namespace {

/// How every JSON object begins whose first byte behind the brace is a quote.
constexpr std::string_view kBegin = "eyJ";

bool is_type_of_token(std::string_view type) {
    constexpr std::string_view kMedia = "application/";
    if (type.size() > kMedia.size() && ::strncasecmp(type.data(), kMedia.data(), kMedia.size()) == 0) {
        type.remove_prefix(kMedia.size());
    }
    const auto is = [&](std::string_view word) {
        return type.size() == word.size() && ::strncasecmp(type.data(), word.data(), word.size()) == 0;
    };
    return is("JWT") || is("at+jwt");
}

Refusal read_header(std::string_view text, Token& token) {
    const auto header = read_object(text);
    if (!header) {
        return Refusal::header;
    }
    if (header->contains("crit")) {
        return Refusal::critical;
    }
    if (const json::value* type = header->if_contains("typ");
        type != nullptr && (!type->is_string() || !is_type_of_token(view_of(type->get_string())))) {
        return Refusal::type;
    }
    const json::string* algorithm = text_of(*header, "alg");
    const auto known = algorithm != nullptr ? algorithm_of(view_of(*algorithm)) : std::nullopt;
    if (!known) {
        return Refusal::algorithm;
    }
    token.algorithm = *known;
    if (const json::value* id = header->if_contains("kid"); id != nullptr) {
        if (!id->is_string()) {
            return Refusal::header;
        }
        token.key_id = std::string(view_of(id->get_string()));
    }
    return Refusal::none;
}

Refusal take_apart(std::string_view text, Token& token, std::string& issuer) {
    if (text.size() > kLongestToken) {
        return Refusal::too_long;
    }
    if (!looks_like_token(text)) {
        return Refusal::no_token;
    }
    const std::size_t first = text.find('.');
    const std::size_t second = text.find('.', first + 1);
    const auto header = decode_base64url(text.substr(0, first));
    auto payload = decode_base64url(text.substr(first + 1, second - first - 1));
    auto signature = decode_base64url(text.substr(second + 1));
    if (!header || !payload || !signature) {
        return Refusal::no_token;
    }
    token.payload = std::move(*payload);
    token.signature = std::move(*signature);
    token.signed_part = text.substr(0, second);
    auto claims = read_object(token.payload);
    if (!claims) {
        return Refusal::claims;
    }
    token.claims = std::move(*claims);
    if (const json::string* named = text_of(token.claims, "iss"); named != nullptr) {
        issuer = view_of(*named);
    }
    return read_header(*header, token);
}

}  // namespace

bool looks_like_token(std::string_view secret) noexcept {
    if (!secret.starts_with(kBegin)) {
        return false;
    }
    std::size_t dots = 0;
    for (const char c : secret) {
        if (c == '.') {
            ++dots;
        } else if (!is_base64url(c)) {
            return false;
        }
    }
    return dots == 2;
}

TokenRead read_token(std::string_view text) {
    TokenRead read;
    Token token;
    read.refusal = take_apart(text, token, read.issuer);
    if (read.refusal == Refusal::none) {
        read.token = std::move(token);
    }
    return read;
}

}  // namespace portal::identity
