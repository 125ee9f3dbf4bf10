#include "agent/agent_process.hpp"

#include "agent/agent_routes.hpp"
#include "agent/hand_over.hpp"
#include "agent/info_text.hpp"
#include "observe/log.hpp"
#include "observe/log_escaped.hpp"

#include <algorithm>
#include <csignal>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace portal::agent {
namespace asio = boost::asio;

namespace {

constexpr auto kSource = "agent";
constexpr std::chrono::seconds kSamplePause{2};
constexpr std::chrono::milliseconds kLeavePoll{200};

/// What a rewrite or a save may write beside the files that are there: as much as the last rewrite left, or as the
/// data takes in memory, whichever says more; never more than the whole append-only file.
std::uint64_t rewrite_bytes(const InfoText& info) {
    const auto data = info.number("used_memory_dataset").value_or(0);
    const auto base = info.number("aof_base_size");
    const auto current = info.number("aof_current_size");
    const double need = base && current ? std::max(*base, std::min(*current, data)) : data;
    return need > 0 ? static_cast<std::uint64_t>(need) : 0;
}

std::optional<AgentState::Process> process_of(const InfoText& info) {
    const auto number = static_cast<std::uint64_t>(std::max(0.0, info.number("process_id").value_or(0)));
    const auto uptime = static_cast<std::uint64_t>(std::max(0.0, info.number("uptime_in_seconds").value_or(0)));
    const auto found = find_process(number, uptime);
    return found ? std::optional(AgentState::Process{*found, info.text("run_id")}) : std::nullopt;
}

}  // namespace

AgentProcess::AgentProcess(config::AgentConfig config)
    : config_(std::move(config)), redis_(config_.redis, config_.probes.answer_time) {}

AgentProcess::~AgentProcess() {
    for (auto* server : {server_.get(), hand_over_server_.get()}) {
        if (server != nullptr) {
            server->stop();
        }
    }
}

std::string AgentProcess::start() {
    sample_volume();
    admin::ServerOptions options;
    options.address = config_.listen;
    options.purpose = "probes and metrics";
    options.key = "listen";
    server_ = std::make_unique<admin::HttpServer>(options, agent_responder(config_, state_));
    if (auto problem = server_->start()) {
        return *problem;
    }
    if (config_.hand_over.listen || config_.hand_over.socket) {
        options.address = config_.hand_over.listen;
        options.socket = config_.hand_over.socket;
        options.purpose = "the hand-over";
        options.key = "hand_over.listen";
        options.socket_key = "hand_over.socket";
        hand_over_server_ = std::make_unique<admin::HttpServer>(options, hand_over_responder(config_, state_));
        if (auto problem = hand_over_server_->start()) {
            return *problem;
        }
    }
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    wait_for_signal();
    asio::co_spawn(io_, take_samples(), observe::LogEscaped(kSource));
    observe::log_info(kSource, "watching the node",
                      {{"node", config_.redis.address.host + ":" + std::to_string(config_.redis.address.port)},
                       {"version", PORTAL_VERSION}});
    return {};
}

void AgentProcess::run() {
    io_.run();
    observe::log_info(kSource, "stopped");
}

void AgentProcess::sample_volume() {
    if (const auto usage = volume_usage(config_.data)) {
        state_.note_volume(*usage);
        said_unreadable_ = false;
    } else if (!std::exchange(said_unreadable_, true)) {
        observe::log_warn(kSource, "cannot see how full the volume is; give a path on it as `data`",
                          {{"data", config_.data}});
    }
}

asio::awaitable<void> AgentProcess::take_samples() {
    asio::steady_timer pause(co_await asio::this_coro::executor);
    std::string run_id;
    for (;;) {
        sample_volume();
        std::vector<LocalRedis::Command> info{{"INFO", "all"}};
        const auto replies = co_await redis_.ask(std::move(info));
        if (replies.back().good()) {
            const InfoText text(replies.back().text);
            state_.rewrite_bytes = rewrite_bytes(text);
            state_.note_process(process_of(text));
            const auto seen = text.text("run_id");
            if (!run_id.empty() && seen != run_id && !ending_ && state_.stay()) {
                observe::log_info(kSource, "the node was started anew, so it stays");
            }
            run_id = seen;
        }
        pause.expires_after(kSamplePause);
        co_await pause.async_wait(asio::use_awaitable);
    }
}

/// After SIGTERM: the leadership goes first, and the answers last as long as the node does, since the kubelet stops
/// both containers at once.
asio::awaitable<void> AgentProcess::leave() {
    const auto until = sentinel::Clock::now() + 2 * config_.hand_over.time;
    asio::steady_timer pause(co_await asio::this_coro::executor);
    // Marked to the end of this process, and so of the node: nobody is to choose it again meanwhile.
    constexpr auto kForGood = AgentState::Clock::time_point::max();
    const auto outcome = co_await hand_over(state_, redis_, config_.hand_over.time, kForGood);
    while (outcome != HandOver::redis_gone && sentinel::Clock::now() < until) {
        std::vector<LocalRedis::Command> ping{{"PING"}};
        const auto replies = co_await redis_.ask(std::move(ping));
        if (replies.back().status != sentinel::LinkStatus::ok) {
            break;
        }
        pause.expires_after(kLeavePoll);
        co_await pause.async_wait(asio::use_awaitable);
    }
    io_.stop();
}

void AgentProcess::wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& cancelled, int) {
        if (cancelled) {
            return;
        }
        if (std::exchange(ending_, true)) {
            observe::log_info(kSource, "second signal: stopping at once");
            io_.stop();
            return;
        }
        asio::co_spawn(io_, leave(), observe::LogEscaped(kSource));
        wait_for_signal();
    });
}

}  // namespace portal::agent
