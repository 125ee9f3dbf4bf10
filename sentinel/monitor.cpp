#include "sentinel/monitor.hpp"

#include "observe/log.hpp"
#include "sentinel/introduction.hpp"
#include "sentinel/monitor_loop.hpp"

#include <algorithm>
#include <exception>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace portal::sentinel {
namespace asio = boost::asio;
using replication::Topology;

namespace {

constexpr auto kSource = "monitor";
constexpr Milliseconds kTick{100};
/// How soon to look again while a node's fate is open.
constexpr Milliseconds kWhileSuspected{50};

}  // namespace

boost::asio::awaitable<void> Monitor::Loop::run() {
    while (!stopping_) {
        try {
            co_await turn();
        } catch (const std::exception& error) {
            observe::log_error(kSource, "a turn of the monitor failed", {{"error", error.what()}});
        }
        if (!std::exchange(turn_again_, false)) {
            co_await rest();
        }
    }
    co_await farewell();
}

/// The loop's one readable function: confirm -> observe -> decide -> act -> publish -> beat.
boost::asio::awaitable<void> Monitor::Loop::turn() {
    notice_pause();
    if (wanted_nodes_) {
        take_nodes(*std::exchange(wanted_nodes_, std::nullopt));
    }
    let_go();
    look_again_.reset();
    const bool retry = !standing_.record() || !standing_.arbiter_error().empty();
    if (std::exchange(record_due_, false) || (retry && Clock::now() >= standing_.next_beat())) {
        co_await confirm();
    }
    if (standing_.arbiter_error().empty()) {
        co_await keep_role();
    }
    if (!standing_.record()) {
        update_status(nullptr);
        co_return;
    }
    login_->connection_name = connection_name(standing_.record()->id, name_);
    auto view = look();
    announcements_.look(view);
    recorder_.look(view, tally());
    if (standing_.acts(view.now)) {
        auto decision = failover_.decide(view);
        if (co_await act(std::move(decision))) {
            turn_again_ = true;
        }
        view = look();
    }
    publish_what_holds(view);
    if (const auto until = standing_.permit()) {
        permit_->extend(*until);
    }
    go_on_without_arbiter(view);
    co_await beat(view);
    sum_up();
    update_status(&view);
}

boost::asio::awaitable<void> Monitor::Loop::rest() {
    if (std::exchange(woken_, false)) {
        co_return;
    }
    const auto now = Clock::now();
    auto until = std::min(now + timing_.ping_interval, standing_.next_beat());
    if (standing_.arbiter_error().empty()) {
        until = std::min(until, standing_.role().look_again(now));
    }
    for (const auto& node : nodes_) {
        if (node.account.assess(now) == Health::suspected) {
            until = std::min(until, now + kWhileSuspected);
        }
    }
    if (look_again_) {
        until = std::min(until, *look_again_);
    }
    // At least a moment, so that a wrong deadline cannot make this loop spin.
    rest_.expires_at(std::max(until, now + Milliseconds(1)));
    co_await rest_.async_wait(asio::as_tuple(asio::use_awaitable));
    woken_ = false;
}

void Monitor::Loop::wake() {
    woken_ = true;
    rest_.cancel();
}

/// Looks at the clock even while the loop waits for something, so that only true pauses are taken for pauses.
void Monitor::Loop::tick() {
    notice_pause();
    ticker_.expires_after(kTick);
    ticker_.async_wait([this](boost::system::error_code error) {
        if (!error && !stopping_) {
            tick();
        }
    });
}

void Monitor::Loop::notice_pause() {
    const auto now = Clock::now();
    if (!pauses_.paused(now)) {
        return;
    }
    observe::log_warn(kSource, "this process was paused; starting the watch of the nodes anew");
    for (auto& node : nodes_) {
        node.account.forgive(now);
    }
    record_due_ = true;
}

void Monitor::Loop::observe(Observation observation) {
    auto* node = find(observation.node);
    if (node == nullptr || stopping_) {
        return;
    }
    if (observation.result != ProbeResult::waiting) {
        ++node->probes[observation.result];
    }
    if (observation.result == ProbeResult::answered) {
        node->answer_time += observation.at - observation.asked_at;
    }
    if (sightings_ && !observation.run_id.empty()) {
        sightings_->note(observation.node, {observation.run_id, observation.asked_at});
    }
    if (node->account.note(observation)) {
        const auto seen = node->account.seen(observation.at);
        ++node->health_changes[seen.health];
        const bool serves = seen.health == Health::up || seen.health == Health::suspected;
        observe::log(serves ? observe::LogLevel::info : observe::LogLevel::warn, kSource,
                     "node is " + std::string(to_string(seen.health)),
                     {{"node", observation.node}, {"detail", seen.trouble}});
    }
    note_denial(*node, observation);
    wake();
}

/// A node that answers with errors counts as up, so nothing else would tell of a wrong password or a missing
/// permission.
void Monitor::Loop::note_denial(WatchedNode& node, const Observation& observation) {
    const bool denied = observation.result == ProbeResult::denied;
    if (denied == node.denied || (!denied && observation.result != ProbeResult::answered)) {
        return;
    }
    node.denied = denied;
    if (!denied) {
        observe::log_info(kSource, "node answers the monitor again", {{"node", observation.node}});
        return;
    }
    const bool busy = observation.detail.starts_with("BUSY");
    observe::log_warn(kSource,
                      busy ? "node answers the monitor with an error"
                           : "node answers the monitor with an error: check monitor.username, its password and its "
                             "permissions there",
                      {{"node", observation.node}, {"answer", observation.detail}});
}

std::vector<NodeView> Monitor::Loop::seen_nodes(TimePoint now) const {
    std::vector<NodeView> seen;
    for (const auto& node : nodes_) {
        seen.push_back(node.account.seen(now));
        seen.back().leaving = node.leaving;
        seen.back().login = node.login;
        seen.back().visitors = node.visitors;
        seen.back().looked_around = node.looked_around;
        if (auto& report = seen.back().report; report) {
            report->barred = users_->why_barred(node.config.name);
        }
    }
    return seen;
}

/// A pause may have come within any action that the turn waited for.
View Monitor::Loop::look() {
    notice_pause();
    const auto now = Clock::now();
    return standing_.look(seen_nodes(now), now);
}

/// The leader is published only while the record names one, and only if nothing this portal knows speaks against it.
void Monitor::Loop::publish_what_holds(const View& view) {
    auto topology = standing_.topology(view);
    if (!topology.leader) {
        permit_->revoke();
    }
    announcements_.routes(topology, view.now);
    const auto& before = standing_.published();
    const bool restarted = topology.leader && before && !before->processes.same(topology.processes);
    if (!before || *before != topology || restarted) {
        publish(std::move(topology));
    }
}

void Monitor::Loop::publish(Topology topology) {
    const auto& before = standing_.published();
    const bool had_leader = before && before->leader;
    const bool new_epoch = !before || before->epoch != topology.epoch;
    if (topology.leader && (new_epoch || !had_leader)) {
        published_at_ = Clock::now();
        observe::log_info(kSource, "routing to the leader",
                          {{"leader", topology.leader->name},
                           {"epoch", static_cast<std::uint64_t>(topology.epoch)},
                           {"reason", topology.reason}});
    } else if (!topology.leader) {
        const bool lost = had_leader && !topology.reason.starts_with(kSwitchover);
        observe::log(lost ? observe::LogLevel::warn : observe::LogLevel::info, kSource, "forwarding nothing",
                     {{"epoch", static_cast<std::uint64_t>(topology.epoch)}, {"reason", topology.reason}});
    }
    const auto serial = standing_.published(std::make_shared<const Topology>(std::move(topology)));
    // Shards may answer late, even after this monitor is gone.
    publish_callback_(standing_.published(), [self = weak_from_this(), serial] {
        if (const auto loop = self.lock()) {
            asio::post(loop->io_, [loop_again = self, serial] {
                if (const auto alive = loop_again.lock()) {
                    alive->standing_.applied(serial);
                    alive->wake();
                }
            });
        }
    });
}

boost::asio::awaitable<void> Monitor::Loop::farewell() {
    permit_->revoke();
    if (request_) {
        std::exchange(request_, std::nullopt)->done("this portal is stopping");
    }
    const auto& record = standing_.record();
    if (record && record->acting == name_ && standing_.arbiter_error().empty()) {
        auto unheld = *record;
        std::string nobody;
        const bool given = co_await commit(std::move(unheld), std::move(nobody));
        observe::log_info(kSource, "gave the acting role away", {{"done", given}});
    }
    if (const auto error = co_await arbiter_->remove_mark(); !error.empty()) {
        observe::log_warn(kSource, "could not remove this portal's mark", {{"error", error}});
    }
    arbiter_->close();
    for (auto& node : nodes_) {
        node.stop();
    }
    settings_->stop();
    users_->stop();
    ticker_.cancel();
    io_.stop();
}

}  // namespace portal::sentinel
