#include "identity/claims.hpp"

#include "identity/json.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include <boost/json/array.hpp>

namespace portal::identity {
namespace json = boost::json;

namespace {

/// Seconds; about the year 10,000. Beyond it, sums of times would not fit their type.
constexpr double kLatest = 253'402'300'800.0;

std::string unescaped(std::string_view name) {
    std::string text;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] == '~' && i + 1 < name.size()) {
            text += name[++i] == '1' ? '/' : '~';
        } else {
            text += name[i];
        }
    }
    return text;
}

bool text_fits(std::string_view text, std::string_view wanted) {
    return wanted.ends_with('*') ? text.starts_with(wanted.substr(0, wanted.size() - 1)) : text == wanted;
}

bool value_fits(const json::value& value, std::string_view wanted) {
    switch (value.kind()) {
        case json::kind::string:
            return text_fits(view_of(value.get_string()), wanted);
        case json::kind::bool_:
            return wanted == (value.get_bool() ? "true" : "false");
        case json::kind::int64:
            return wanted == std::to_string(value.get_int64());
        case json::kind::uint64:
            return wanted == std::to_string(value.get_uint64());
        default:
            return false;
    }
}

/// Empty: it is no time.
std::optional<Time> time_of(const json::value& value) {
    double seconds = 0;
    if (value.is_int64()) {
        seconds = static_cast<double>(value.get_int64());
    } else if (value.is_uint64()) {
        seconds = static_cast<double>(value.get_uint64());
    } else if (value.is_double()) {
        seconds = value.get_double();
    } else {
        return std::nullopt;
    }
    if (!(seconds >= 0 && seconds <= kLatest)) {
        return std::nullopt;
    }
    return Time(std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000)));
}

}  // namespace

const json::value* find_claim(const json::object& claims, std::string_view path) {
    const json::object* in = &claims;
    while (true) {
        const std::size_t slash = path.find('/');
        const json::value* found = in->if_contains(unescaped(path.substr(0, slash)));
        if (found == nullptr || slash == std::string_view::npos) {
            return found;
        }
        in = found->if_object();
        if (in == nullptr) {
            return nullptr;
        }
        path.remove_prefix(slash + 1);
    }
}

bool claim_fits(const json::value& claim, std::string_view wanted) {
    if (const json::array* list = claim.if_array()) {
        return std::ranges::any_of(*list, [&](const json::value& each) { return value_fits(each, wanted); });
    }
    return value_fits(claim, wanted);
}

bool is_for_audience(const json::object& claims, std::string_view audience) {
    const auto is_it = [&](const json::value& value) {
        return value.is_string() && view_of(value.get_string()) == audience;
    };
    const json::value* claim = claims.if_contains("aud");
    if (claim == nullptr) {
        return false;
    }
    const json::array* list = claim->if_array();
    return list != nullptr ? std::ranges::any_of(*list, is_it) : is_it(*claim);
}

Times check_times(const json::object& claims, Time now, std::chrono::milliseconds leeway) {
    const json::value* exp = claims.if_contains("exp");
    if (exp == nullptr) {
        return {Refusal::no_end};
    }
    const auto ends = time_of(*exp);
    if (!ends) {
        return {Refusal::times};
    }
    for (const char* name : {"nbf", "iat"}) {
        const json::value* claim = claims.if_contains(name);
        if (claim == nullptr) {
            continue;
        }
        const auto time = time_of(*claim);
        if (!time) {
            return {Refusal::times};
        }
        if (*time > now + leeway) {
            return {name == std::string_view("nbf") ? Refusal::not_yet : Refusal::issued_later};
        }
    }
    if (now >= *ends + leeway) {
        return {Refusal::ended};
    }
    return {Refusal::none, *ends};
}

}  // namespace portal::identity
