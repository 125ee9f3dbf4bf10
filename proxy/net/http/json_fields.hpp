// Fields of JSON that came from outside: a field that is missing or of another type reads as empty, never throws. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace portal::net {

/// Nothing, and a sentence in `error`, when the text is not a JSON object.
std::optional<boost::json::object> parse_object(std::string_view text, std::string& error);

std::string text_at(const boost::json::object& object, std::string_view key);
/// Also of a number that is written as text, as protobuf writes those of 64 bits.
std::uint64_t number_at(const boost::json::object& object, std::string_view key);
bool flag_at(const boost::json::object& object, std::string_view key);
const boost::json::object& object_at(const boost::json::object& object, std::string_view key);
const boost::json::array& array_at(const boost::json::object& object, std::string_view key);

}  // namespace portal::net
