#include "net/http/json_fields.hpp"

#include <charconv>

#include <boost/json/parse.hpp>

namespace portal::net {
namespace json = boost::json;

std::optional<json::object> parse_object(std::string_view text, std::string& error) {
    boost::system::error_code code;
    auto value = json::parse(json::string_view(text.data(), text.size()), code);
    if (code) {
        error = "not JSON: " + code.message();
        return std::nullopt;
    }
    if (!value.is_object()) {
        error = "not a JSON object";
        return std::nullopt;
    }
    return std::move(value.as_object());
}

std::string text_at(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string{};
}

std::uint64_t number_at(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    if (value == nullptr) {
        return 0;
    }
    if (const auto* text = value->if_string()) {
        std::uint64_t number = 0;
        const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
        return error == std::errc{} && end == text->data() + text->size() ? number : 0;
    }
    boost::system::error_code code;
    const auto number = value->to_number<std::uint64_t>(code);
    return code ? 0 : number;
}

bool flag_at(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_bool() && value->as_bool();
}

const json::object& object_at(const json::object& object, std::string_view key) {
    static const json::object kNone;
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_object() ? value->as_object() : kNone;
}

const json::array& array_at(const json::object& object, std::string_view key) {
    static const json::array kNone;
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_array() ? value->as_array() : kNone;
}

}  // namespace portal::net
