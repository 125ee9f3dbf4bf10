#include "observe/log.hpp"
#include "sentinel/monitor_loop.hpp"

#include <algorithm>

namespace portal::sentinel {
namespace asio = boost::asio;

namespace {

constexpr auto kSource = "monitor";

}  // namespace

Monitor::Loop::WatchedNode* Monitor::Loop::find(const std::string& name) {
    const auto found =
        std::find_if(nodes_.begin(), nodes_.end(), [&](const WatchedNode& node) { return node.config.name == name; });
    return found == nodes_.end() ? nullptr : &*found;
}

/// Carries out a decision. True when the world was changed, so that the next turn should follow at once.
asio::awaitable<bool> Monitor::Loop::act(Decision decision) {
    step_ = decision.step;
    why_ = decision.why;
    look_again_ = decision.look_again;
    announcements_.decided(decision, *standing_.record());
    const bool waits = decision.actions.empty() && (step_ == Step::choosing || step_ == Step::bootstrapping);
    standing_.explain(waits ? decision.why : std::string());
    bool changed = false;
    for (auto& action : decision.actions) {
        if (co_await carry_out(std::move(action))) {
            changed = true;
        }
    }
    co_return changed;
}

asio::awaitable<bool> Monitor::Loop::carry_out(Action action) {
    if (auto* write = std::get_if<WriteRecord>(&action)) {
        const bool leads = write->next.phase == Phase::leading && standing_.record()->phase != Phase::leading;
        const bool written = co_await commit(std::move(write->next), name_);
        if (written && leads) {
            failover_.recorded(Clock::now());
        }
        co_return written;
    }
    if (auto* chosen = std::get_if<Promote>(&action)) {
        co_return co_await promote(chosen->node);
    }
    if (auto* step = std::get_if<Follow>(&action)) {
        co_await follow(step->step);
        co_return false;
    }
    if (auto* move = std::get_if<HandOver>(&action)) {
        co_return co_await hand_over(*move);
    }
    if (std::holds_alternative<GiveAway>(action)) {
        co_return co_await give_away();
    }
    if (const auto* ask = std::get_if<ProbeNow>(&action)) {
        if (auto* node = find(ask->node); node != nullptr) {
            node->probe->probe_now();
        }
    }
    co_return false;
}

/// What a command learned of a node counts like a probe's report.
void Monitor::Loop::accept_report(WatchedNode& node, const CommandOutcome& outcome) {
    Observation observation{node.config.name, ProbeResult::answered,        outcome.asked_at, Clock::now(), {},
                            outcome.report,   node.account.view().addresses};
    observe(std::move(observation));
}

/// The node by the address at which its probe reaches it, so that nothing is looked up now that every moment counts.
config::Node Monitor::Loop::at_known_address(const WatchedNode& node) {
    auto known = node.config;
    const auto& seen = node.account.view();
    if (seen.health == Health::up && !seen.addresses.empty()) {
        known.address.host = seen.addresses.front();
        if (known.tls && !known.tls->server_name) {
            known.tls->server_name = node.config.address.host;
        }
    }
    return known;
}

asio::awaitable<bool> Monitor::Loop::promote(std::string name) {
    auto* node = find(name);
    const auto& report = node->account.view().report;
    std::string run_id = report ? report->run_id : std::string();
    const std::string barred = co_await users_->prepare(at_known_address(*node), std::move(run_id));
    if (!barred.empty()) {
        observe::log_warn(kSource, "did not promote, since acl.strict is on", {{"node", name}, {"error", barred}});
        failover_.promotion_failed(name, "it " + barred, Clock::now());
        co_return true;
    }
    const auto outcome = co_await commands_.promote(at_known_address(*node));
    if (!outcome.error.empty()) {
        observe::log_warn(kSource, "could not promote", {{"node", name}, {"error", outcome.error}});
        failover_.promotion_failed(name, outcome.error, Clock::now());
        co_return true;
    }
    observe::log_info(kSource, "promoted", {{"node", name}});
    accept_report(*node, outcome);
    co_return true;
}

asio::awaitable<void> Monitor::Loop::follow(replication::ReplicaofStep step) {
    auto* node = find(step.node);
    // While nobody leads, a node is only ever made a replica of nobody, the old leader, too.
    const auto& record = *standing_.record();
    const auto* leader = record.phase == Phase::leading ? find(record.leader) : nullptr;
    const auto* leading =
        leader != nullptr && leader->account.view().report ? &*leader->account.view().report : nullptr;
    std::string leader_run = leading != nullptr ? leading->run_id : std::string();
    const auto outcome = co_await commands_.follow(at_known_address(*node), *step.leader, std::move(leader_run));
    if (!outcome.error.empty()) {
        observe::log_warn(kSource, "could not make a node follow", {{"node", step.node}, {"error", outcome.error}});
        co_return;
    }
    observe::log_info(kSource, "told a node to follow",
                      {{"node", step.node},
                       {"leader", step.leader->host + ":" + std::to_string(step.leader->port)},
                       {"because", step.why}});
    node->probe->probe_now();
}

asio::awaitable<bool> Monitor::Loop::hand_over(HandOver move) {
    auto* from = find(move.from);
    auto* to = find(move.to);
    if (from == nullptr || to == nullptr || !from->account.view().report) {
        failover_.handed_over("the leader cannot be read", Clock::now());
        co_return true;
    }
    const auto& leading = from->account.view();
    const auto& follower = to->account.view();
    const auto leader = seen(leading);
    const auto listed = replication::listed_replica(leader, {follower.node, follower.addresses, {}});
    auto known_as = follower.node.endpoint;
    if (listed) {
        known_as = listed->endpoint;
    }
    co_await settings_->carry_over(from->config, to->config);
    co_await users_->carry_over(from->config, to->config);
    const auto outcome = co_await commands_.hand_over(from->config, to->config, std::move(known_as), move.guarded);
    failover_.handed_over(outcome.error, outcome.error.empty() ? outcome.asked_at : Clock::now());
    if (outcome.error.empty()) {
        accept_report(*to, outcome);
        from->probe->probe_now();
    } else {
        observe::log_warn(kSource, "could not hand over",
                          {{"from", move.from}, {"to", move.to}, {"error", outcome.error}});
    }
    co_return true;
}

asio::awaitable<bool> Monitor::Loop::give_away() {
    auto unheld = *standing_.record();
    std::string nobody;
    const bool given = co_await commit(std::move(unheld), std::move(nobody));
    if (given) {
        standing_.gave_away(Clock::now());
        observe::log_warn(kSource, "gave the acting role away", {{"reason", why_}});
    }
    co_return given;
}

}  // namespace portal::sentinel
