#include "observe/log.hpp"
#include "observe/log_escaped.hpp"
#include "sentinel/monitor_loop.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

namespace portal::sentinel {
namespace asio = boost::asio;

namespace {

constexpr auto kSource = "monitor";

}  // namespace

Monitor::Loop::WatchedNode::WatchedNode(config::Node configured, const Timing& timing, TimePoint now)
    : config(std::move(configured)), account({config.name, {config.address.host, config.address.port}}, timing, now) {}

void Monitor::Loop::WatchedNode::stop() const {
    probe->stop();
    login_check->stop();
}

void Monitor::Loop::use_login(Login login) {
    asio::post(io_, [this, self = weak_from_this(), login = std::move(login)]() mutable {
        const auto alive = self.lock();
        login.connection_name = login_->connection_name;
        if (!alive || *login_ == login) {
            return;
        }
        *login_ = std::move(login);
        observe::log_info(kSource, "the monitor has another login for the nodes");
        for (auto& node : nodes_) {
            node.login_check->check_now();
        }
        settings_->ask_again();
        users_->ask_again();
    });
}

void Monitor::Loop::use_settings(SettingsWanted wanted) {
    asio::post(io_, [this, self = weak_from_this(), wanted = std::move(wanted)]() mutable {
        if (const auto alive = self.lock()) {
            settings_->want(std::move(wanted));
        }
    });
}

void Monitor::Loop::use_users(UsersWanted wanted) {
    asio::post(io_, [this, self = weak_from_this(), wanted = std::move(wanted)]() mutable {
        if (const auto alive = self.lock()) {
            users_->want(std::move(wanted));
        }
    });
}

void Monitor::Loop::users_changed(std::vector<std::string> command) {
    asio::post(io_, [this, self = weak_from_this(), command = std::move(command)]() mutable {
        if (const auto alive = self.lock()) {
            users_->executed(std::move(command));
        }
    });
}

/// While this portal may forward and nobody is being replaced.
GroupSight Monitor::Loop::group_to_keep_equal() const {
    const auto& record = standing_.record();
    const auto now = Clock::now();
    GroupSight sight;
    sight.acts = !stopping_ && record && standing_.role().held_here(now);
    if (stopping_ || !record || record->phase != Phase::leading || !(sight.acts || permit_->valid(now))) {
        return sight;
    }
    NodeGroup group;
    for (const auto& node : nodes_) {
        const auto& view = node.account.view();
        const bool usable = view.health == Health::up && view.report && view.twin_of.empty();
        if (node.config.name == record->leader) {
            if (!usable || view.report->role != replication::Role::leader) {
                return sight;
            }
            group.leader = node.config;
        } else if (usable && view.report->role == replication::Role::replica) {
            group.replicas.push_back(node.config);
        }
    }
    if (!group.leader.name.empty()) {
        sight.group = std::move(group);
    }
    return sight;
}

void Monitor::Loop::set_nodes(std::vector<config::Node> nodes) {
    asio::post(io_, [this, self = weak_from_this(), nodes = std::move(nodes)]() mutable {
        if (const auto alive = self.lock()) {
            wanted_nodes_ = std::move(nodes);
            wake();
        }
    });
}

void Monitor::Loop::watch_node(WatchedNode& node) {
    node.account = NodeAccount(node.account.view().node, timing_, Clock::now());
    node.probe =
        std::make_shared<NodeProbe>(io_.get_executor(), node.config, login_,
                                    NodeProbe::Timing{timing_.ping_interval, timing_.down_after, timing_.busy_after},
                                    [this](Observation observation) { observe(std::move(observation)); });
    asio::co_spawn(io_, node.probe->run(), observe::LogEscaped(kSource));
    LoginCheck::Timing timing;
    timing.deadline = timing_.down_after;
    node.login_check = std::make_shared<LoginCheck>(
        io_.get_executor(), node.config, login_, timing,
        [this, name = node.config.name](LoginState state, Visitors visitors) {
            if (auto* checked = find(name); checked != nullptr && !stopping_) {
                checked->looked_around = checked->looked_around || state.word != LoginState::Word::unknown;
                checked->login = std::move(state);
                checked->visitors = std::move(visitors);
            }
        });
    asio::co_spawn(io_, node.login_check->run(), observe::LogEscaped(kSource));
}

/// Between turns, since actions hold on to nodes. In the order of the configuration, which breaks ties.
void Monitor::Loop::take_nodes(std::vector<config::Node> nodes) {
    const std::string leader = standing_.record() ? standing_.record()->leader : "";
    std::deque<WatchedNode> before = std::exchange(nodes_, {});
    for (auto& node : nodes) {
        const auto known = std::find_if(before.begin(), before.end(),
                                        [&](const WatchedNode& watched) { return watched.config.name == node.name; });
        if (known != before.end() && known->config == node) {
            nodes_.push_back(std::move(*known));
            nodes_.back().leaving = false;
            before.erase(known);
            continue;
        }
        const bool moved = known != before.end();
        if (moved) {
            known->stop();
            before.erase(known);
            if (node.name == leader) {
                standing_.doubt_leader();  // who listens there is not known yet
            }
        }
        observe::log_info(kSource, moved ? "node has another address" : "new node",
                          {{"node", node.name}, {"address", node.address.host}, {"port", node.address.port}});
        nodes_.emplace_back(std::move(node), timing_, Clock::now());
        watch_node(nodes_.back());
    }
    for (auto& gone : before) {
        gone.leaving = true;
        nodes_.push_back(std::move(gone));
        if (nodes_.back().config.name == leader) {
            observe::log_warn(kSource,
                              "a node that is not configured any more leads: it goes on until another one leads; run "
                              "'redis-portal switchover'",
                              {{"node", nodes_.back().config.name}});
        }
    }
}

/// Forgets the nodes that are not configured any more, except the one that leads.
void Monitor::Loop::let_go() {
    const auto& record = standing_.record();
    std::erase_if(nodes_, [&](const WatchedNode& node) {
        const bool stays = !node.leaving || (record && record->leader == node.config.name);
        if (!stays) {
            observe::log_info(kSource, "node forgotten", {{"node", node.config.name}});
            node.stop();
        }
        return !stays;
    });
}

}  // namespace portal::sentinel
