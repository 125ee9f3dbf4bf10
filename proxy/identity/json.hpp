// JSON out of tokens and key sets: bounded in depth, and a field of another type reads as if it were not there. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace portal::identity {

/// Tokens of real issuers have at most five.
inline constexpr std::size_t kDeepest = 8;

/// Empty when the text is no JSON object, nests deeper than kDeepest or holds bytes that are not UTF-8.
[[nodiscard]] std::optional<boost::json::object> read_object(std::string_view text);
/// Null: there is no such field, or it is no text.
[[nodiscard]] const boost::json::string* text_of(const boost::json::object& object, std::string_view key) noexcept;

inline std::string_view view_of(const boost::json::string& text) noexcept {
    return {text.data(), text.size()};
}

}  // namespace portal::identity
