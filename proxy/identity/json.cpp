#include "identity/json.hpp"

#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/parse_options.hpp>

namespace portal::identity {
namespace json = boost::json;

std::optional<json::object> read_object(std::string_view text) {
    json::parse_options options;
    options.max_depth = kDeepest;
    boost::system::error_code failed;
    json::value value = json::parse(json::string_view(text.data(), text.size()), failed, {}, options);
    if (failed || !value.is_object()) {
        return std::nullopt;
    }
    return std::move(value.as_object());
}

const json::string* text_of(const json::object& object, std::string_view key) noexcept {
    const json::value* value = object.if_contains(json::string_view(key.data(), key.size()));
    return value != nullptr ? value->if_string() : nullptr;
}

}  // namespace portal::identity
