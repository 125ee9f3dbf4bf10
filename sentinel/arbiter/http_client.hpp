// A small HTTP/1.1 client for arbiters: one request at a time on a kept connection to one of several equal servers,
// with a deadline for everything, looking up names included, and bounded answers. Knows nothing of etcd and Kubernetes.
// Used on the monitor's thread.
#pragma once

#include "certs/peer_tls.hpp"
#include "sentinel/observation.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace portal::sentinel {

struct HttpServer {
    std::string host;
    std::uint16_t port = 0;
    bool tls = false;
};

/// `url` as the configuration has checked it: http://host:port or https://host:port.
HttpServer server_of(const std::string& url);
std::vector<HttpServer> servers_of(const std::vector<std::string>& urls);

enum class HttpMethod : std::uint8_t { get, post, patch };

struct HttpRequest {
    HttpMethod method = HttpMethod::get;
    std::string target;
    std::string body;
    std::string content_type = "application/json";
    std::string authorization;  // empty: the header is left out
    /// To send it twice does no harm, so it may go out again when an answer was lost.
    bool repeatable = false;
};

struct HttpReply {
    unsigned status = 0;  // 0: there is no answer
    std::string body;
    std::chrono::seconds retry_after{0};
    std::string error;  // one sentence: why there is no answer, or why a stream ended
};

class HttpClient {
  public:
    HttpClient(std::vector<HttpServer> servers, certs::PeerTlsFiles tls);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// One request and its whole answer. A server that does not answer, or answers with 5xx, makes the next one be
    /// asked: at once if the request was not sent or is repeatable, else with the next request.
    boost::asio::awaitable<HttpReply> ask(HttpRequest request, TimePoint until);

    /// Gives a line of the answer's body; false ends the stream.
    using OnLine = std::function<bool(std::string_view line)>;
    /// One request with an answer that does not end by itself. Returns when it does, or when nothing came for
    /// `silence`. An answer with another status than 200 is returned whole.
    boost::asio::awaitable<HttpReply> follow(HttpRequest request, Milliseconds silence, OnLine on_line);

    /// Lets what is going on fail. Nothing else may be called afterwards.
    void close();

    /// The server that is asked next: "host:port".
    [[nodiscard]] std::string server() const;

  private:
    struct Connection;
    struct Lookup;

    boost::asio::awaitable<std::string> connect(TimePoint until);
    boost::asio::awaitable<std::shared_ptr<Lookup>> look_up(TimePoint until);
    boost::asio::awaitable<HttpReply> attempt(const HttpRequest& request, TimePoint until);
    [[nodiscard]] HttpReply failed(const std::string& why);
    void next_server();

    std::vector<HttpServer> servers_;
    certs::PeerTls tls_;
    std::size_t at_ = 0;
    std::unique_ptr<Connection> connection_;
    std::shared_ptr<Lookup> lookup_;
    bool sent_ = false;        // of the last attempt: the server may have seen the request
    bool went_stale_ = false;  // of the last attempt: a kept connection turned out to be closed
    bool closed_ = false;
};

}  // namespace portal::sentinel
