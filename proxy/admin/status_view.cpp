#include "admin/status_view.hpp"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace portal::admin {
namespace {

namespace json = boost::json;

std::string text(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::optional<std::int64_t> number(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    if (value == nullptr || !value->is_number()) {
        return std::nullopt;
    }
    json::error_code error;
    const auto whole = value->to_number<std::int64_t>(error);
    if (!error) {
        return whole;
    }
    constexpr double kLimit = 9.0e18;
    const auto* real = value->if_double();
    return real != nullptr && *real > -kLimit && *real < kLimit ? std::optional(static_cast<std::int64_t>(*real))
                                                                : std::nullopt;
}

std::optional<bool> flag(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_bool() ? std::optional(value->get_bool()) : std::nullopt;
}

const json::object& child(const json::object& object, std::string_view key) {
    static const json::object nothing;
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_object() ? value->get_object() : nothing;
}

/// Calls `take` with each object of the array under `key`.
template <typename Take>
void for_each_object(const json::object& object, std::string_view key, Take take) {
    const auto* value = object.if_contains(key);
    if (value == nullptr || !value->is_array()) {
        return;
    }
    for (const auto& element : value->get_array()) {
        if (element.is_object()) {
            take(element.get_object());
        }
    }
}

std::string any_value(const json::value& value) {
    if (value.is_string()) {
        return std::string(value.get_string());
    }
    if (value.is_double()) {
        return fmt::format("{}", value.get_double());
    }
    return value.is_null() ? std::string() : json::serialize(value);
}

}  // namespace

StatusView read_status(const json::object& status) {
    StatusView view;
    view.name = text(status, "name");
    view.version = text(status, "version");
    view.state = text(status, "state");
    view.reason = text(status, "reason");
    if (const auto* why = status.if_contains("why"); why != nullptr && why->is_array()) {
        for (const auto& sentence : why->get_array()) {
            view.why.push_back(any_value(sentence));
        }
    }
    view.uptime_seconds = number(status, "uptime_seconds");
    const auto& topology = child(status, "topology");
    view.epoch = number(topology, "epoch");
    view.leader = text(topology, "leader");
    view.leader_since = text(topology, "leader_since");
    view.acting = text(topology, "acting");
    view.acting_here = flag(topology, "acting_here").value_or(false);
    for_each_object(topology, "nodes", [&view](const json::object& node) {
        view.nodes.push_back({text(node, "name"), text(node, "address"), text(node, "health"), text(node, "role"),
                              number(node, "offset"), number(node, "lag_bytes"), flag(node, "link_up")});
    });
    const auto& sessions = child(status, "sessions");
    view.sessions = number(sessions, "current");
    view.sessions_limit = number(sessions, "limit");
    view.sessions_accepted = number(sessions, "accepted");
    const auto& links = child(status, "links");
    view.links_shared = number(links, "shared");
    view.links_pinned = number(links, "pinned");
    const auto& writes = child(status, "writes");
    view.proven = text(writes, "proven");
    view.waiting_replies = number(writes, "waiting_replies");
    if (const auto* names = writes.if_contains("confirming"); names != nullptr && names->is_array()) {
        for (const auto& name : names->get_array()) {
            view.confirming.push_back(any_value(name));
        }
    }
    for (const auto& [key, value] : child(status, "last_failover")) {
        view.last_failover.emplace_back(std::string(key), any_value(value));
    }
    for_each_object(status, "certificates", [&view](const json::object& certificate) {
        view.certificates.push_back(
            {text(certificate, "listener"), text(certificate, "not_after"), number(certificate, "days_left")});
    });
    for_each_object(topology, "portals", [&view](const json::object& portal) {
        view.portals.push_back({text(portal, "name"), text(portal, "url"), text(portal, "waits_for"),
                                flag(portal, "live").value_or(false), flag(portal, "reaches_leader").value_or(false)});
    });
    for_each_object(status, "history", [&view](const json::object& change) {
        view.changes.push_back({text(change, "date"), text(change, "from"), text(change, "to"), text(change, "reason"),
                                text(change, "carried_out_by"), flag(change, "planned").value_or(false),
                                flag(change, "aborted").value_or(false), number(change, "duration_ms"),
                                number(change, "in_doubt")});
    });
    return view;
}

std::string kind_of(const ChangeView& change) {
    const std::string kind = change.from.empty() ? "first leader" : change.planned ? "switchover" : "failover";
    return kind + (change.aborted ? ", aborted" : "");
}

std::string spoken_duration(std::int64_t seconds) {
    constexpr std::int64_t kMinute = 60;
    constexpr std::int64_t kHour = 60 * kMinute;
    constexpr std::int64_t kDay = 24 * kHour;
    if (seconds >= kDay) {
        return fmt::format("{}d {}h", seconds / kDay, seconds % kDay / kHour);
    }
    if (seconds >= kHour) {
        return fmt::format("{}h {}m", seconds / kHour, seconds % kHour / kMinute);
    }
    if (seconds >= kMinute) {
        return fmt::format("{}m {}s", seconds / kMinute, seconds % kMinute);
    }
    return fmt::format("{}s", seconds);
}

std::string shown(std::string_view text) {
    return text.empty() ? "-" : std::string(text);
}

std::string shown(std::optional<std::int64_t> number) {
    return number ? std::to_string(*number) : "-";
}

}  // namespace portal::admin
