#include "sentinel/node_json.hpp"

#include <algorithm>
#include <optional>

namespace portal::sentinel {
namespace json = boost::json;
using replication::Role;

namespace {

std::string_view to_string(Role role) {
    return role == Role::leader ? "leader" : role == Role::replica ? "replica" : "unknown";
}

/// Its report is of now: it answers, or an answer is overdue for less than `down_after`.
bool is_present(const NodeView& node) {
    return node.report && (node.health == Health::up || node.health == Health::suspected);
}

/// A node that is busy keeps its role; one that is down has none that anybody knows of.
Role role_of(const NodeView& node) {
    return node.report && node.health != Health::down ? node.report->role : Role::unknown;
}

/// How far behind the leader; nothing unless both are there and their offsets count the same history.
std::optional<std::uint64_t> lag_of(const NodeView& node, const View& view) {
    const auto* leader = find_node(view, view.record.leader);
    if (view.record.phase != Phase::leading || leader == nullptr || !is_present(*leader) || !is_present(node)) {
        return std::nullopt;
    }
    if (&node != leader && node.report->replid != leader->report->replid) {
        return std::nullopt;
    }
    return leader->report->offset - std::min(leader->report->offset, node.report->offset);
}

void add_login(json::object& object, const LoginState& login) {
    if (login.word != LoginState::Word::unknown) {
        object["login_ok"] = login.word == LoginState::Word::accepted;
    }
    if (!login.answer.empty()) {
        object["login_answer"] = login.answer;
    }
}

}  // namespace

json::object node_json(const NodeView& node, const View& view) {
    json::object object{{"name", node.node.name},
                        {"address", node.node.endpoint.host + ":" + std::to_string(node.node.endpoint.port)},
                        {"health", to_string(node.health)},
                        {"role", to_string(role_of(node))},
                        {"in_sync", is_named(view.record.in_sync, node.node.name)}};
    if (node.leaving) {
        object["leaving"] = true;
    }
    if (!node.trouble.empty()) {
        object["trouble"] = node.trouble;
    }
    add_login(object, node.login);
    if (!is_present(node)) {
        return object;
    }
    object["offset"] = node.report->offset;
    if (const auto lag = lag_of(node, view)) {
        object["lag_bytes"] = *lag;
    }
    if (node.report->role == Role::replica) {
        object["link_up"] = node.report->link_up;
        object["priority"] = node.report->priority;
    }
    object["keys"] = node.report->keys;
    object["loading"] = node.report->loading;
    object["redis_version"] = node.report->version;
    return object;
}

}  // namespace portal::sentinel
