#include "sentinel/settings_keeper.hpp"

#include "observe/log.hpp"
#include "sentinel/login_check.hpp"

#include <algorithm>
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

/// It will be refused again; LOADING and BUSY pass by themselves.
bool is_refusal(std::string_view error) noexcept {
    return error.starts_with("NOPERM") || error.starts_with("ERR unknown command");
}

}  // namespace

SettingsKeeper::SettingsKeeper(asio::any_io_executor executor, SharedLogin login, SettingsWanted wanted, Timing timing,
                               Look look)
    : executor_(std::move(executor)),
      login_(std::move(login)),
      wanted_(std::move(wanted)),
      timing_(timing),
      look_(std::move(look)),
      rest_(std::make_shared<ControlLink>(executor_, config::Node{}, login_)) {}

void SettingsKeeper::want(SettingsWanted wanted) {
    wanted_ = std::move(wanted);
    rest_->wake();
}

void SettingsKeeper::stop() {
    stopped_ = true;
    rest_->wake();
    for (auto& [name, place] : places_) {
        place.link->close();
    }
}

std::vector<std::string> SettingsKeeper::refusals() const {
    std::vector<std::string> sentences;
    for (const auto& [name, place] : places_) {
        if (const auto refusal = place.told.refusal(wanted_)) {
            sentences.push_back(name + " refuses a setting of node_config.assert, " + *refusal);
        }
    }
    return sentences;
}

asio::awaitable<void> SettingsKeeper::run() {
    const auto self = shared_from_this();
    while (!stopped_) {
        auto group = wanted_.names().empty() ? std::nullopt : look_();
        if (group) {
            co_await round(*std::move(group));
        } else {
            places_.clear();
        }
        if (!stopped_) {
            (void)co_await rest_->rest(Clock::now() + timing_.every);
        }
    }
    places_.clear();
}

SettingsKeeper::Place& SettingsKeeper::place_of(const config::Node& node) {
    Place& place = places_[node.name];
    if (!place.link || !(place.node == node)) {
        place = {std::make_shared<ControlLink>(executor_, node, login_), node, {}, {}};
    }
    return place;
}

/// The leader first. What it cannot be asked now, its replicas are not told.
asio::awaitable<void> SettingsKeeper::round(Group group) {
    std::erase_if(places_, [&](const auto& each) {
        return each.first != group.leader.name &&
               std::ranges::none_of(group.replicas, [&](const auto& node) { return node.name == each.first; });
    });
    Place& leading = place_of(group.leader);
    const auto leader = co_await look_at(leading);
    if (!leader || stopped_) {
        co_return;
    }
    co_await tell(*leading.link, group.leader.name, leading.told, *leader, nullptr, count_);
    for (const auto& node : group.replicas) {
        Place& place = place_of(node);
        auto has = co_await look_at(place);
        if (stopped_) {
            co_return;
        }
        if (has) {
            co_await tell(*place.link, node.name, place.told, *std::move(has), &*leader, count_);
        }
    }
}

asio::awaitable<std::optional<Settings>> SettingsKeeper::look_at(Place& place) {
    if (Clock::now() < place.not_before) {
        co_return std::nullopt;
    }
    if (!place.link->connected()) {
        place.told.forget();  // another process may be there
    }
    auto reading = co_await read(*place.link, Clock::now() + timing_.deadline);
    if (reading.refused) {
        place.not_before = Clock::now() + timing_.after_refusal;
    }
    co_return std::move(reading.settings);
}

asio::awaitable<SettingsKeeper::Reading> SettingsKeeper::read(ControlLink& link, TimePoint deadline) const {
    if (!link.connected()) {
        const Reply reply = co_await link.connect(deadline);
        if (!reply.good()) {
            co_return Reading{std::nullopt, reply.is_error && is_refused_login(reply.text)};
        }
    }
    Settings settings;
    for (const std::string& name : wanted_.names()) {
        std::vector<std::string> get{"CONFIG", "GET", name};
        const Reply reply = co_await link.request(std::move(get), deadline);
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

asio::awaitable<void> SettingsKeeper::tell(ControlLink& link, const std::string& node, SettingsTold& told, Settings has,
                                           const Settings* leader, Count& count) const {
    for (const auto& [name, value] : told.due(wanted_, has, leader)) {
        const TimePoint deadline = Clock::now() + timing_.deadline;
        std::vector<std::string> set{"CONFIG", "SET", name, value};
        const Reply reply = co_await link.request(std::move(set), deadline);
        if (reply.is_error) {
            ++count.refused;
            observe::log_warn(kSource, "a node refuses a setting",
                              {{"node", node}, {"setting", name}, {"error", reply.text}});
            told.refused(name, value, reply.text);
            continue;
        }
        std::vector<std::string> get{"CONFIG", "GET", name};
        Reply shown = reply;
        if (reply.good()) {  // no co_await in a conditional expression: g++ 12 destroys what it holds twice
            shown = co_await link.request(std::move(get), deadline);
        }
        if (!shown.good()) {
            co_return;  // the next round reads it anew
        }
        ++count.told;
        observe::log_info(kSource, "a node was given a setting", {{"node", node}, {"setting", name}, {"value", value}});
        told.accepted(name, value, value_in(shown.text, name).value_or(std::string()));
    }
}

asio::awaitable<void> SettingsKeeper::carry_over(config::Node leader, config::Node replica) const {
    const auto self = shared_from_this();
    if (wanted_.names().empty()) {
        co_return;
    }
    const TimePoint deadline = Clock::now() + timing_.deadline;
    const std::string name = replica.name;
    const auto from = std::make_shared<ControlLink>(executor_, std::move(leader), login_);
    const auto to = std::make_shared<ControlLink>(executor_, std::move(replica), login_);
    const auto leading = co_await read(*from, deadline);
    Reading has;
    if (leading.settings) {
        has = co_await read(*to, deadline);
    }
    if (has.settings) {
        SettingsTold told;
        Count count;
        co_await tell(*to, name, told, *std::move(has.settings), &*leading.settings, count);
    }
    from->close();
    to->close();
}

}  // namespace portal::sentinel
