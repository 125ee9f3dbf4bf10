// What a token says, held against what the portal wants: audience and times; and how a rule finds a claim. Pure.
#pragma once

#include "identity/refusal.hpp"

#include <chrono>
#include <string_view>

#include <boost/json/object.hpp>

namespace portal::identity {

using Time = std::chrono::system_clock::time_point;

/// The claim that `path` names: names of fields with '/' between them, as a JSON Pointer has them (`~1` is a '/' within
/// a name, `~0` a '~'). Null: there is none.
[[nodiscard]] const boost::json::value* find_claim(const boost::json::object& claims, std::string_view path);

/// The claim is `wanted`, or a list that has it. `wanted` with a '*' at its end: begins so. Numbers and `true` as JSON
/// writes them.
[[nodiscard]] bool claim_fits(const boost::json::value& claim, std::string_view wanted);

[[nodiscard]] bool is_for_audience(const boost::json::object& claims, std::string_view audience);

struct Times {
    Refusal refusal = Refusal::none;
    Time ends{};  // `exp`
};
[[nodiscard]] Times check_times(const boost::json::object& claims, Time now, std::chrono::milliseconds leeway);

}  // namespace portal::identity
