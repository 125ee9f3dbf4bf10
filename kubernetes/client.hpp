// Requests to the Kubernetes API server: where it is, who we are there (the token is read again as it is renewed), how
// long one call may take, and what a refusal means in words. Knows no kind of object. Lives on one thread.
#pragma once

#include "config/config.hpp"
#include "net/http/http_client.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/json/object.hpp>

namespace portal::kubernetes {

/// Where the API server is and who we are there; in a pod, what Kubernetes tells every container.
struct Access {
    net::HttpServer server;
    certs::PeerTlsFiles tls;
    std::string namespace_name;
    std::string token_file;  // empty: no token is sent
    std::string role;        // the Role that lets us in, for sentences; may be empty
};
/// Throws std::runtime_error with one sentence when neither the configuration nor the surroundings say it.
Access access_by(const config::KubernetesArbiter& settings, std::string role = {});

/// Requests that were denied (403) since the start of the process, by verb and resource. Any thread.
using Denials = std::map<std::pair<std::string, std::string>, std::uint64_t>;
Denials denied_requests();

class Client {
  public:
    struct Answer {
        unsigned status = 0;
        boost::json::object object;
        std::string error;  // one sentence; empty: `object` is what the API server answered
    };
    /// For sentences: `resource` and `needs` are "leases" and "the verbs list and patch on leases of
    /// coordination.k8s.io". `call`: how long one call may take.
    Client(Access access, std::string resource, std::string needs, std::chrono::milliseconds call);

    boost::asio::awaitable<Answer> ask(net::HttpRequest request);
    void close() { client_.close(); }

    /// For a stream that asks by itself: the header, and what an answer other than 200 means.
    [[nodiscard]] std::string authorization();
    [[nodiscard]] std::string refusal(std::string_view verb, const net::HttpReply& reply);
    [[nodiscard]] const Access& access() const { return access_; }
    [[nodiscard]] std::string server() const { return client_.server(); }

  private:
    [[nodiscard]] Answer answer_of(const net::HttpRequest& request, const net::HttpReply& reply);

    const Access access_;
    const std::string resource_;
    const std::string needs_;
    const std::chrono::milliseconds call_;
    net::HttpClient client_;
    net::HttpClient::TimePoint not_before_{};  // the API server asked for patience until then
    std::string token_;
    std::optional<net::HttpClient::TimePoint> token_read_at_;  // empty: it was refused, so it is read again
};

/// A merge patch (RFC 7386), or a new object.
net::HttpRequest merge_patch(std::string target, const boost::json::object& changes);
net::HttpRequest creation(std::string target, const boost::json::object& object);

}  // namespace portal::kubernetes
