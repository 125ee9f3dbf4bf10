#include "agent/hand_over.hpp"

#include "agent/info_text.hpp"
#include "observe/log.hpp"

#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace portal::agent {
namespace asio = boost::asio;

namespace {

constexpr auto kSource = "hand-over";
constexpr std::chrono::milliseconds kPoll{100};

}  // namespace

std::string_view to_string(HandOver outcome) {
    switch (outcome) {
        case HandOver::done:
            return "another node leads";
        case HandOver::not_needed:
            return "this node does not lead";
        case HandOver::nobody:
            return "no replica is there that could lead";
        case HandOver::redis_gone:
            return "the node does not answer any more";
        case HandOver::out_of_time:
            break;
    }
    return "no portal made another node lead in time";
}

Standing standing_of(const std::string& info_text) {
    const InfoText info(info_text);
    Standing standing{info.text("role") == "master", false};
    for (const auto& [key, value] : info.fields()) {
        // connected_slaves counts those too that still copy everything.
        if (key.starts_with("slave") && part(parts_of(value), "state") == "online") {
            standing.has_replica = true;
        }
    }
    return standing;
}

asio::awaitable<HandOver> wait_for_hand_over(const LocalRedis& redis, config::Milliseconds time) {
    const auto until = sentinel::Clock::now() + time;
    asio::steady_timer pause(co_await asio::this_coro::executor);
    bool led = false;
    do {
        std::vector<LocalRedis::Command> question{{"INFO", "replication"}};
        const auto replies = co_await redis.ask(std::move(question));
        const auto& reply = replies.back();
        if (reply.status != sentinel::LinkStatus::ok) {
            co_return HandOver::redis_gone;
        }
        const auto standing = standing_of(reply.text);
        led = led || standing.leads;
        if (reply.good() && !standing.leads) {
            co_return led ? HandOver::done : HandOver::not_needed;
        }
        if (reply.good() && !standing.has_replica) {
            co_return HandOver::nobody;
        }
        pause.expires_after(kPoll);
        co_await pause.async_wait(asio::use_awaitable);
    } while (sentinel::Clock::now() < until);
    co_return HandOver::out_of_time;
}

asio::awaitable<HandOver> hand_over(AgentState& state, const LocalRedis& redis, config::Milliseconds time,
                                    AgentState::Clock::time_point mark_until) {
    const bool first = state.leave_until(mark_until);
    observe::log_info(kSource, "this node is about to stop");
    const auto outcome = co_await wait_for_hand_over(redis, time);
    // A request and SIGTERM may come together; it is one hand-over all the same.
    if (first && outcome == HandOver::done) {
        ++state.handed_over;
    } else if (first && outcome != HandOver::not_needed) {
        ++state.not_handed_over;
    }
    observe::log(outcome == HandOver::out_of_time ? observe::LogLevel::warn : observe::LogLevel::info, kSource,
                 "hand-over ended", {{"outcome", to_string(outcome)}});
    co_return outcome;
}

}  // namespace portal::agent
