#include "kubernetes/client.hpp"

#include "config/secret_files.hpp"
#include "net/http/json_fields.hpp"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <utility>

#include <boost/json/serialize.hpp>

namespace portal::kubernetes {
namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr auto kAccount = "/var/run/secrets/kubernetes.io/serviceaccount/";
/// Tokens are renewed in place, hours before they end.
constexpr std::chrono::seconds kTokenAge{60};
constexpr std::chrono::seconds kMostPatience{10};

constexpr unsigned kCreated = 201;
constexpr unsigned kUnauthorized = 401;
constexpr unsigned kForbidden = 403;
constexpr unsigned kTooManyRequests = 429;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

std::string address_of(const std::string& host, const std::string& port) {
    return "https://" + (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
}

/// The verb as a Role names it.
std::string_view verb_of(const net::HttpRequest& request, const std::string& resource) {
    switch (request.method) {
        case net::HttpMethod::post:
            return "create";
        case net::HttpMethod::patch:
            return "patch";
        case net::HttpMethod::get:
            break;
    }
    if (request.target.find("watch=1") != std::string::npos) {
        return "watch";
    }
    const auto path = std::string_view(request.target).substr(0, request.target.find('?'));
    return path.ends_with("/" + resource) ? "list" : "get";
}

/// Admission answers 403 as well: a quota, or a StorageClass whose volumes cannot grow. That is no matter of Roles.
bool is_refused_by_admission(std::string_view message) {
    return message.find("exceeded quota") != std::string_view::npos ||
           message.find("must support resize") != std::string_view::npos;
}

struct DenialCounts {
    std::mutex mutex;
    Denials counts;
};
DenialCounts& denial_counts() {
    static DenialCounts counts;
    return counts;
}

}  // namespace

Denials denied_requests() {
    auto& [mutex, counts] = denial_counts();
    const std::lock_guard lock(mutex);
    return counts;
}

Access access_by(const config::KubernetesArbiter& settings, std::string role) {
    const bool in_pod = !settings.api_server;
    const auto host = environment("KUBERNETES_SERVICE_HOST");
    const auto port = environment("KUBERNETES_SERVICE_PORT");
    if (in_pod && (host.empty() || port.empty())) {
        throw std::runtime_error(
            "arbiter.kubernetes: this is no pod (KUBERNETES_SERVICE_HOST and _PORT are not set); give api_server");
    }
    Access access;
    access.server = net::server_of(in_pod ? address_of(host, port) : *settings.api_server);
    access.tls.ca = settings.ca;
    access.role = std::move(role);
    access.token_file = settings.token_file.value_or("");
    access.namespace_name = settings.namespace_name.value_or("");
    if (in_pod) {
        const std::string account = kAccount;
        access.tls.ca = settings.ca.value_or(account + "ca.crt");
        access.token_file = settings.token_file.value_or(account + "token");
    }
    if (access.namespace_name.empty()) {
        access.namespace_name = config::read_password(std::string(kAccount) + "namespace").value.value_or("");
    }
    if (access.namespace_name.empty()) {
        throw std::runtime_error("arbiter.kubernetes: nothing says which namespace is meant; give namespace");
    }
    return access;
}

Client::Client(Access access, std::string resource, std::string needs, std::chrono::milliseconds call)
    : access_(std::move(access)),
      resource_(std::move(resource)),
      needs_(std::move(needs)),
      call_(call),
      client_({access_.server}, access_.tls) {}

std::string Client::authorization() {
    if (access_.token_file.empty()) {
        return {};
    }
    const auto now = net::HttpClient::Clock::now();
    if (!token_read_at_ || now - *token_read_at_ >= kTokenAge) {
        token_ = config::read_password(access_.token_file).value.value_or(token_);
        token_read_at_ = now;
    }
    return "Bearer " + token_;
}

std::string Client::refusal(std::string_view verb, const net::HttpReply& reply) {
    if (reply.status == kUnauthorized) {
        token_read_at_.reset();
    }
    std::string ignored;
    const auto status = net::parse_object(reply.body, ignored);
    auto why = status ? net::text_at(*status, "message") : std::string{};
    if (reply.status == kForbidden && !is_refused_by_admission(why)) {
        auto& [mutex, counts] = denial_counts();
        const std::lock_guard lock(mutex);
        ++counts[{std::string(verb), resource_}];
        return "the API server denies \"" + std::string(verb) + "\" on " + resource_ + " in namespace " +
               access_.namespace_name + " (403); " +
               (access_.role.empty() ? "bind the portal's service account to a Role with " + needs_
                                     : "give the Role " + access_.role + " " + needs_);
    }
    if (reply.status == kUnauthorized) {
        why += (why.empty() ? "" : "; ") + std::string("is the service account's token still good?");
    }
    return "the API server answered " + std::to_string(reply.status) + " to \"" + std::string(verb) + "\" on " +
           resource_ + ": " + (why.empty() ? reply.body.substr(0, reply.body.find('\n')) : why);
}

Client::Answer Client::answer_of(const net::HttpRequest& request, const net::HttpReply& reply) {
    if (reply.status == 0) {
        return {0, {}, "the API server at " + reply.error};
    }
    if (reply.status == kTooManyRequests) {
        not_before_ = net::HttpClient::Clock::now() +
                      std::min(std::max(reply.retry_after, std::chrono::seconds(1)), kMostPatience);
    }
    Answer answer{reply.status, {}, {}};
    if (reply.status != 200 && reply.status != kCreated) {
        answer.error = refusal(verb_of(request, resource_), reply);
    } else if (auto object = net::parse_object(reply.body, answer.error)) {
        answer.object = std::move(*object);
    } else {
        answer.error = client_.server() + " is no Kubernetes API server: its answer is " + answer.error;
    }
    return answer;
}

asio::awaitable<Client::Answer> Client::ask(net::HttpRequest request) {
    const auto now = net::HttpClient::Clock::now();
    if (now < not_before_) {
        co_return Answer{kTooManyRequests, {}, "the API server asked for patience (429)"};
    }
    request.authorization = authorization();
    auto reply = co_await client_.ask(request, now + call_);
    if (reply.status == kUnauthorized) {
        // The token may have been renewed since it was read; what was refused was not carried out.
        token_read_at_.reset();
        request.authorization = authorization();
        reply = co_await client_.ask(request, now + call_);
    }
    co_return answer_of(request, reply);
}

net::HttpRequest merge_patch(std::string target, const json::object& changes) {
    net::HttpRequest request;
    request.method = net::HttpMethod::patch;
    request.target = std::move(target);
    request.content_type = "application/merge-patch+json";
    request.body = json::serialize(changes);
    return request;
}

net::HttpRequest creation(std::string target, const json::object& object) {
    net::HttpRequest request;
    request.method = net::HttpMethod::post;
    request.target = std::move(target);
    request.body = json::serialize(object);
    return request;
}

}  // namespace portal::kubernetes
