#include "agent/agent_routes.hpp"

#include "admin/access.hpp"
#include "agent/agent_metrics.hpp"
#include "agent/hand_over.hpp"
#include "agent/local_redis.hpp"
#include "agent/probes.hpp"

#include <string>
#include <utility>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace portal::agent {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;
using admin::Request;
using admin::Response;

constexpr std::string_view kPaths =
    "Paths: /startupz /livez /readyz of the Redis node, /healthz of this agent, /metrics, /status.json, "
    "/handed-over.";

Response verdict_response(const Verdict& verdict) {
    return verdict.good ? admin::text_response(http::status::ok, "ok")
                        : admin::text_response(http::status::service_unavailable, verdict.reason);
}

Response status_response(const AgentState& state) {
    json::object status{{"leaving", state.leaving()}, {"rewrite_bytes", state.rewrite_bytes.load()}};
    if (const auto volume = state.volume()) {
        status["volume"] = {
            {"size_bytes", volume->size}, {"used_bytes", volume->used}, {"available_bytes", volume->available}};
    }
    if (const auto process = state.process()) {
        status["process"] = {{"state", look_at(process->id)}, {"run_id", process->run_id}};
    }
    return admin::typed_response(http::status::ok, "application/json", json::serialize(status) + "\n");
}

Response outcome_response(HandOver outcome) {
    return admin::text_response(outcome == HandOver::out_of_time ? http::status::gateway_timeout : http::status::ok,
                                to_string(outcome));
}

asio::awaitable<Response> respond(const config::AgentConfig& config, const AgentState& state, std::string path) {
    const LocalRedis redis(config.redis, config.probes.answer_time);
    if (path == "/healthz") {
        co_return admin::text_response(http::status::ok, "ok");
    }
    if (path == "/status.json") {
        co_return status_response(state);
    }
    if (path == "/startupz" || path == "/livez") {
        std::vector<LocalRedis::Command> ping{{"PING"}};
        const auto replies = co_await redis.ask(std::move(ping));
        co_return verdict_response(alive(replies));
    }
    if (path == "/readyz") {
        std::vector<LocalRedis::Command> questions{{"PING"}, {"INFO", "replication"}};
        const auto replies = co_await redis.ask(std::move(questions));
        co_return verdict_response(ready(replies, config.probes.link_down));
    }
    if (path == "/metrics") {
        std::vector<LocalRedis::Command> info{{"INFO", "all"}};
        const auto replies = co_await redis.ask(std::move(info));
        co_return admin::typed_response(http::status::ok, kMetricsType, metrics_text(replies.back(), state));
    }
    if (path == "/handed-over") {
        const auto outcome = co_await wait_for_hand_over(redis, config.hand_over.time);
        co_return outcome_response(outcome);
    }
    co_return admin::text_response(http::status::not_found, kPaths);
}

asio::awaitable<Response> begin_hand_over(const config::AgentConfig& config, AgentState& state) {
    const LocalRedis redis(config.redis, config.probes.answer_time);
    const auto mark_until = AgentState::Clock::now() + config.hand_over.time;
    const auto outcome = co_await hand_over(state, redis, config.hand_over.time, mark_until);
    co_return outcome_response(outcome);
}

asio::awaitable<Response> at_once(Response response) {
    co_return response;
}

}  // namespace

admin::Respond agent_responder(const config::AgentConfig& config, const AgentState& state) {
    return [&config, &state](const Request& request, const admin::Peer&) {
        const bool reading = request.method() == http::verb::get || request.method() == http::verb::head;
        return reading ? respond(config, state, std::string(admin::path_of(request)))
                       : at_once(admin::wrong_method("GET, HEAD"));
    };
}

admin::Respond hand_over_responder(const config::AgentConfig& config, AgentState& state) {
    admin::ChangeAccess access;
    access.section = "hand_over";
    access.socket = config.hand_over.socket;
    access.token_file = config.hand_over.token_file;
    return [&config, &state, access = std::move(access)](const Request& request, const admin::Peer& peer) {
        if (admin::path_of(request) != "/hand-over") {
            return at_once(admin::text_response(http::status::not_found, "Path: /hand-over."));
        }
        if (request.method() != http::verb::post) {
            return at_once(admin::wrong_method("POST"));
        }
        if (auto refusal = admin::refuse_change(access, request, peer)) {
            return at_once(std::move(*refusal));
        }
        return begin_hand_over(config, state);
    };
}

}  // namespace portal::agent
