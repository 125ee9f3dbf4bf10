#include "sentinel/settings_keeper.hpp"

#include "observe/log.hpp"

#include <utility>

namespace portal::sentinel {
namespace asio = boost::asio;

namespace {

constexpr auto kSource = "settings";

/// What CONFIG GET of one name answered; empty: the node does not know it.
std::optional<std::string> value_in(std::string_view reply, std::string_view name) {
    const auto end = reply.find('\n');
    if (end == std::string_view::npos || reply.substr(0, end) != name) {
        return std::nullopt;
    }
    reply.remove_prefix(end + 1);
    if (reply.ends_with('\n')) {
        reply.remove_suffix(1);
    }
    return std::string(reply);
}

}  // namespace

void SettingsKeeper::want(SettingsWanted wanted) {
    wanted_ = std::move(wanted);
    rest_->wake();
}

std::vector<std::string> SettingsKeeper::refusals() const {
    std::vector<std::string> sentences;
    for (const auto& [name, place] : places_) {
        if (const auto refusal = place.mind.refusal(wanted_)) {
            sentences.push_back(name + " refuses a setting of node_config.assert, " + *refusal);
        }
    }
    return sentences;
}

asio::awaitable<SettingsKeeper::Reading> SettingsKeeper::read(Place& place, TimePoint deadline) {
    const Reply connected = co_await connect(place, deadline);
    if (!connected.good()) {
        co_return Reading{std::nullopt, connected.is_error && is_refused_login(connected.text)};
    }
    Settings settings;
    for (const std::string& name : wanted_.names()) {
        std::vector<std::string> get{"CONFIG", "GET", name};
        const Reply reply = co_await place.link->request(std::move(get), deadline);
        if (!reply.good()) {
            const bool refused = reply.is_error && is_refusal(reply.text);
            if (refused) {
                observe::log_info(kSource, "a node does not tell its settings", {{"error", reply.text}});
            }
            co_return Reading{std::nullopt, refused};
        }
        if (auto value = value_in(reply.text, name)) {
            settings[name] = *std::move(value);
        }
    }
    co_return Reading{std::move(settings), false};
}

asio::awaitable<bool> SettingsKeeper::tell(Place& place, Settings has, const Settings& target, bool leads) {
    for (const auto& [name, value] : place.mind.due(wanted_, has, leads ? nullptr : &target)) {
        const TimePoint deadline = Clock::now() + timing_.deadline;
        std::vector<std::string> set{"CONFIG", "SET", name, value};
        const Reply reply = co_await place.link->request(std::move(set), deadline);
        if (reply.is_error) {
            ++count_.refused;
            observe::log_warn(kSource, "a node refuses a setting",
                              {{"node", place.node.name}, {"setting", name}, {"error", reply.text}});
            place.mind.refused(name, value, reply.text);
            continue;
        }
        std::vector<std::string> get{"CONFIG", "GET", name};
        Reply shown = reply;
        if (reply.good()) {  // no co_await in a conditional expression: g++ 12 destroys what it holds twice
            shown = co_await place.link->request(std::move(get), deadline);
        }
        if (!shown.good()) {
            co_return false;  // the next round reads it anew
        }
        ++count_.told;
        observe::log_info(kSource, "a node was given a setting",
                          {{"node", place.node.name}, {"setting", name}, {"value", value}});
        place.mind.accepted(name, value, value_in(shown.text, name).value_or(std::string()));
    }
    co_return true;
}

}  // namespace portal::sentinel
