#include "agent/agent_routes.hpp"

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
    "Paths: /startupz /livez /readyz of the Redis node, /healthz of this agent, /metrics, /status.json.";

Response verdict_response(const Verdict& verdict) {
    return verdict.good ? admin::text_response(http::status::ok, "ok")
                        : admin::text_response(http::status::service_unavailable, verdict.reason);
}

Response status_response(const AgentState& state) {
    json::object status{{"leaving", state.leaving.load()}, {"rewrite_bytes", state.rewrite_bytes.load()}};
    if (const auto volume = state.volume()) {
        status["volume"] = {
            {"size_bytes", volume->size}, {"used_bytes", volume->used}, {"available_bytes", volume->available}};
    }
    return admin::typed_response(http::status::ok, "application/json", json::serialize(status) + "\n");
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
    co_return admin::text_response(http::status::not_found, kPaths);
}

asio::awaitable<Response> respond_to_hand_over(const config::AgentConfig& config, AgentState& state, std::string path) {
    if (path != "/hand-over") {
        co_return admin::text_response(http::status::not_found, "Path: /hand-over.");
    }
    const LocalRedis redis(config.redis, config.probes.answer_time);
    const auto outcome = co_await hand_over(state, redis, config.hand_over.time);
    co_return admin::text_response(outcome == HandOver::out_of_time ? http::status::gateway_timeout : http::status::ok,
                                   to_string(outcome));
}

asio::awaitable<Response> refuse(std::string_view allow) {
    co_return admin::wrong_method(allow);
}

}  // namespace

admin::Respond agent_responder(const config::AgentConfig& config, const AgentState& state) {
    return [&config, &state](const Request& request, const asio::ip::address&) {
        const bool reading = request.method() == http::verb::get || request.method() == http::verb::head;
        return reading ? respond(config, state, std::string(admin::path_of(request))) : refuse("GET, HEAD");
    };
}

admin::Respond hand_over_responder(const config::AgentConfig& config, AgentState& state) {
    return [&config, &state](const Request& request, const asio::ip::address&) {
        const bool known = request.method() == http::verb::get || request.method() == http::verb::post;
        return known ? respond_to_hand_over(config, state, std::string(admin::path_of(request))) : refuse("GET, POST");
    };
}

}  // namespace portal::agent
