#include "admin/http_message.hpp"

#include <utility>

namespace portal::admin {

namespace http = boost::beast::http;

Response typed_response(http::status status, std::string_view type, std::string body) {
    Response response(status, 11);
    response.set(http::field::content_type, type);
    response.set(http::field::cache_control, "no-store");
    response.set("X-Content-Type-Options", "nosniff");
    response.body() = std::move(body);
    return response;
}

Response text_response(http::status status, std::string_view sentence) {
    return typed_response(status, "text/plain; charset=utf-8", std::string(sentence) + "\n");
}

Response wrong_method(std::string_view allow) {
    auto response = text_response(http::status::method_not_allowed,
                                  "Wrong method for this path; allowed: " + std::string(allow) + ".");
    response.set(http::field::allow, allow);
    return response;
}

std::string_view path_of(const Request& request) {
    const std::string_view target(request.target().data(), request.target().size());
    return target.substr(0, target.find('?'));
}

bool is_probe_path(std::string_view path) {
    return path == "/livez" || path == "/readyz" || path == "/healthz" || path == "/startupz";
}

}  // namespace portal::admin
