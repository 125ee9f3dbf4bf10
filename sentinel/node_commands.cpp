#include "sentinel/node_commands.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace portal::sentinel {
namespace asio = boost::asio;
using replication::NodeReport;
using replication::Role;

namespace {

using Words = std::vector<std::string>;
using Link = std::shared_ptr<ControlLink>;

/// How often a change that takes milliseconds is looked at.
constexpr Milliseconds kPoll{3};
/// A hand-over is given up after this; nothing was changed then.
constexpr Milliseconds kHandOverTime{1000};
/// By Redis itself it takes until the replica's next word, which comes once a second.
constexpr Milliseconds kFailoverTime{1500};

constexpr auto kSameProcess = "its address leads to the leader itself";

struct Report {
    std::string error;
    std::optional<NodeReport> report;
    TimePoint asked_at;
};

asio::awaitable<std::string> command(Link link, Words words, TimePoint deadline) {
    const auto reply = co_await link->request(std::move(words), deadline);
    co_return reply.good() ? std::string{} : reply.text;
}

asio::awaitable<std::string> open(Link link, TimePoint deadline) {
    const auto reply = co_await link->connect(deadline);
    co_return reply.good() ? std::string{} : reply.text;
}

/// All sections, because this must work with every version.
asio::awaitable<Report> report_of(Link link, TimePoint deadline) {
    const auto asked_at = Clock::now();
    Words info{"INFO"};
    const auto reply = co_await link->request(std::move(info), deadline);
    if (!reply.good()) {
        co_return Report{reply.text, std::nullopt, asked_at};
    }
    auto report = replication::parse_info(reply.text);
    co_return Report{report ? "" : "INFO names no role", std::move(report), asked_at};
}

asio::awaitable<void> pause_briefly() {
    asio::steady_timer timer(co_await asio::this_coro::executor, kPoll);
    co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<CommandOutcome> lead(Link link, TimePoint deadline) {
    Words no_one{"REPLICAOF", "NO", "ONE"};
    if (auto error = co_await command(link, std::move(no_one), deadline); !error.empty()) {
        co_return CommandOutcome{std::move(error), std::nullopt, {}};
    }
    auto seen = co_await report_of(link, deadline);
    if (seen.error.empty() && seen.report->role != Role::leader) {
        seen.error = "it accepted REPLICAOF NO ONE but does not lead";
    }
    co_return CommandOutcome{std::move(seen.error), std::move(seen.report), seen.asked_at};
}

}  // namespace

asio::awaitable<CommandOutcome> NodeCommands::promote(config::Node node) const {
    const auto deadline = Clock::now() + deadline_;
    const auto link = std::make_shared<ControlLink>(executor_, std::move(node), login_);
    if (auto error = co_await open(link, deadline); !error.empty()) {
        co_return CommandOutcome{std::move(error), std::nullopt, {}};
    }
    co_return co_await lead(link, deadline);
}

asio::awaitable<CommandOutcome> NodeCommands::follow(config::Node node, replication::Endpoint leader,
                                                     std::string leader_run) const {
    const auto deadline = Clock::now() + deadline_;
    const auto link = std::make_shared<ControlLink>(executor_, std::move(node), login_);
    auto error = co_await open(link, deadline);
    if (error.empty() && !leader_run.empty()) {
        const auto seen = co_await report_of(link, deadline);
        error = seen.report && seen.report->run_id == leader_run ? kSameProcess : seen.error;
    }
    if (error.empty()) {
        Words replicaof{"REPLICAOF", leader.host, std::to_string(leader.port)};
        error = co_await command(link, std::move(replicaof), deadline);
    }
    co_return CommandOutcome{std::move(error), std::nullopt, {}};
}

asio::awaitable<CommandOutcome> NodeCommands::hand_over(config::Node from, config::Node to,
                                                        replication::Endpoint listed, Milliseconds guarded) const {
    const auto deadline = Clock::now() + deadline_;
    const auto old_leader = std::make_shared<ControlLink>(executor_, std::move(from), login_);
    const auto replica = std::make_shared<ControlLink>(executor_, to, login_);
    auto error = co_await open(old_leader, deadline);
    if (error.empty()) {
        error = co_await open(replica, deadline);
    }
    if (error.empty()) {
        const auto leading = co_await report_of(old_leader, deadline);
        const auto following = co_await report_of(replica, deadline);
        error = leading.error + following.error;
        if (error.empty() && !leading.report->run_id.empty() && leading.report->run_id == following.report->run_id) {
            error = kSameProcess;
        }
    }
    if (!error.empty()) {
        co_return CommandOutcome{std::move(error), std::nullopt, {}};
    }
    // Until the hand-over is given up, until its last command is, and then as long as somebody may forward.
    const auto paused = kHandOverTime + std::max(kHandOverTime, deadline_) + guarded;
    Words pause{"CLIENT", "PAUSE", std::to_string(paused.count()), "WRITE"};
    error = co_await command(old_leader, std::move(pause), deadline);
    if (error.empty()) {
        co_return co_await hand_over_paused(old_leader, replica, std::move(to));
    }
    co_return co_await fail_over(old_leader, replica, std::move(listed), std::move(error));
}

/// Writes are paused: as soon as the replica has them all it leads.
asio::awaitable<CommandOutcome> NodeCommands::hand_over_paused(Link old_leader, Link replica, config::Node to) const {
    const auto give_up = Clock::now() + kHandOverTime;
    const auto deadline = give_up + deadline_;
    CommandOutcome outcome{"it did not catch up while writes were paused", std::nullopt, {}};
    bool may_write = true;
    while (Clock::now() < give_up) {
        const auto leading = co_await report_of(old_leader, deadline);
        const auto following = co_await report_of(replica, deadline);
        if (!leading.report || !following.report) {
            outcome.error = leading.error + following.error;
            break;
        }
        if (following.report->offset >= leading.report->offset && following.report->link_up) {
            outcome = co_await lead(replica, deadline);
            may_write = false;
            break;
        }
        co_await pause_briefly();
    }
    if (outcome.error.empty()) {
        Words replicaof{"REPLICAOF", to.address.host, std::to_string(to.address.port)};
        const auto refused = co_await command(old_leader, std::move(replicaof), deadline);
        may_write = refused.empty();  // it refuses writes by itself then
    }
    if (may_write) {
        Words unpause{"CLIENT", "UNPAUSE"};
        (void)co_await command(old_leader, std::move(unpause), deadline);
    }
    co_return outcome;
}

/// Redis's own hand-over. It waits for the replica's next word, which comes once a second.
asio::awaitable<CommandOutcome> NodeCommands::fail_over(Link old_leader, Link replica, replication::Endpoint listed,
                                                        std::string no_pause) const {
    const auto give_up = Clock::now() + kFailoverTime + deadline_ / 2;
    const auto deadline = give_up + deadline_;
    Words failover{
        "FAILOVER", "TO", listed.host, std::to_string(listed.port), "TIMEOUT", std::to_string(kFailoverTime.count())};
    if (const auto error = co_await command(old_leader, std::move(failover), deadline); !error.empty()) {
        co_return CommandOutcome{
            "the leader takes neither CLIENT PAUSE (" + no_pause + ") nor FAILOVER (" + error + ")", std::nullopt, {}};
    }
    for (;;) {
        auto seen = co_await report_of(replica, deadline);
        if (!seen.error.empty()) {
            co_return CommandOutcome{std::move(seen.error), std::nullopt, {}};
        }
        if (seen.report->role == Role::leader) {
            co_return CommandOutcome{{}, std::move(seen.report), seen.asked_at};
        }
        if (Clock::now() >= give_up) {
            Words abort{"FAILOVER", "ABORT"};
            (void)co_await command(old_leader, std::move(abort), deadline);
            co_return CommandOutcome{
                "it did not catch up within " + std::to_string(kFailoverTime.count()) + " ms", std::nullopt, {}};
        }
        co_await pause_briefly();
    }
}

}  // namespace portal::sentinel
