#include "admin/routes.hpp"

#include "admin/status_page.hpp"
#include "admin/status_view.hpp"
#include "observe/exporter.hpp"
#include "observe/log.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace portal::admin {
namespace {

namespace http = boost::beast::http;
namespace json = boost::json;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kPaths =
    "Paths: / /status.json /metrics /livez /healthz /readyz, and POST to /switchover /drain.";

Response json_response(http::status status, const json::object& content) {
    return typed_response(status, kJson, json::serialize(content) + "\n");
}

Response error_response(http::status status, std::string_view sentence) {
    return json_response(status, {{"error", sentence}});
}

Response get_live(const AdminHandlers& handlers) {
    if (const auto reason = handlers.live ? handlers.live() : std::nullopt) {
        return text_response(http::status::service_unavailable, "not alive: " + *reason);
    }
    return text_response(http::status::ok, "ok");
}

Response get_ready(const AdminHandlers& handlers) {
    if (const auto reason = handlers.ready()) {
        return text_response(http::status::service_unavailable, "not ready: " + *reason);
    }
    return text_response(http::status::ok, "ready");
}

Response get_metrics(const AdminHandlers& handlers) {
    return typed_response(http::status::ok, observe::Exporter::kContentType, handlers.metrics());
}

Response get_status(const AdminHandlers& handlers) {
    return json_response(http::status::ok, handlers.status());
}

Response get_page(const AdminHandlers& handlers) {
    auto response = typed_response(http::status::ok, "text/html; charset=utf-8",
                                   render_status_page(read_status(handlers.status())));
    response.set("Content-Security-Policy", kStatusPagePolicy);
    response.set("Referrer-Policy", "no-referrer");
    return response;
}

struct GetRoute {
    std::string_view path;
    Response (*answer)(const AdminHandlers&);
};
constexpr std::array kGetRoutes{
    GetRoute{"/", get_page},        GetRoute{"/livez", get_live},      GetRoute{"/healthz", get_live},
    GetRoute{"/readyz", get_ready}, GetRoute{"/metrics", get_metrics}, GetRoute{"/status.json", get_status},
};

bool is_plain_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    });
}

/// The node asked for in `to=NODE` or in {"to": "NODE"}, if any.
std::variant<StartSwitchover, Response> read_switchover(std::string_view query, std::string_view body) {
    StartSwitchover start;
    if (!query.empty()) {
        constexpr std::string_view kTo = "to=";
        if (!query.starts_with(kTo) || !is_plain_name(query.substr(kTo.size()))) {
            return error_response(http::status::bad_request, "The query must be to=NODE with the name of a node.");
        }
        start.to = std::string(query.substr(kTo.size()));
    }
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        return start;
    }
    json::error_code error;
    const auto value = json::parse(body, error);
    const auto* object = error ? nullptr : value.if_object();
    const auto* to = object == nullptr ? nullptr : object->if_contains("to");
    const bool known = object != nullptr && object->size() == (to == nullptr ? 0U : 1U);
    if (!known || (to != nullptr && !to->is_string())) {
        return error_response(http::status::bad_request,
                              R"(The body must be empty or {"to": "NODE"} with the name of a node.)");
    }
    if (to != nullptr) {
        if (start.to) {
            return error_response(http::status::bad_request, "Name the node in the query or in the body, not in both.");
        }
        start.to = std::string(to->get_string());
    }
    return start;
}

std::variant<Response, StartSwitchover> change(const AdminHandlers& handlers, const ChangeAccess& access,
                                               const Request& request, std::string_view path, std::string_view query,
                                               const Peer& peer) {
    if (request.method() != http::verb::post) {
        return wrong_method("POST");
    }
    if (auto refusal = refuse_change(access, request, peer)) {
        return std::move(*refusal);
    }
    if (path == "/switchover") {
        auto read = read_switchover(query, request.body());
        if (auto* refusal = std::get_if<Response>(&read)) {
            return std::move(*refusal);
        }
        const auto& start = std::get<StartSwitchover>(read);
        observe::log_info("admin", "switchover asked for", {{"to", start.to.value_or("any")}, {"peer", peer.text()}});
        return start;
    }
    observe::log_info("admin", "drain asked for", {{"peer", peer.text()}});
    handlers.drain();
    return json_response(http::status::accepted, {{"result", "draining"}});
}

}  // namespace

std::variant<Response, StartSwitchover> route(const AdminHandlers& handlers, const ChangeAccess& access,
                                              const Request& request, const Peer& peer) {
    const std::string_view target(request.target().data(), request.target().size());
    const auto question = target.find('?');
    const auto path = path_of(request);
    const auto query = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
    if (path == "/switchover" || path == "/drain") {
        return change(handlers, access, request, path, query, peer);
    }
    for (const auto& candidate : kGetRoutes) {
        if (candidate.path == path) {
            const bool reading = request.method() == http::verb::get || request.method() == http::verb::head;
            return reading ? candidate.answer(handlers) : wrong_method("GET, HEAD");
        }
    }
    return text_response(http::status::not_found, kPaths);
}

Response switchover_response(const std::optional<std::string>& error) {
    if (!error) {
        return error_response(http::status::gateway_timeout,
                              "The switchover has not ended yet; look at /status.json for what becomes of it.");
    }
    if (!error->empty()) {
        return error_response(http::status::conflict, *error);
    }
    return json_response(http::status::ok, {{"result", "switched over"}});
}

}  // namespace portal::admin
