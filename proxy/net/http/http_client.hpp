// The one HTTP/1.1 client: for arbiters, for the agents beside nodes, and for the subcommands that ask a portal. One
// request at a time on a kept connection to one of several equal servers, with a deadline for everything, looking up
// names included, and bounded answers. Knows nothing of who answers. Used on one thread.
#pragma once

#include "certs/peer_tls.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/system/error_code.hpp>

namespace portal::net {

struct HttpServer {
    std::string host;
    std::uint16_t port = 0;
    bool tls = false;
    std::string socket = {};  // the path of a unix socket; then the others are not looked at
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
    std::string authorization;                                      // empty: the header is left out
    std::vector<std::pair<std::string, std::string>> headers = {};  // besides
    /// To send it twice does no harm, so it may go out again when an answer was lost.
    bool repeatable = false;
};

/// Why there is no answer.
enum class HttpFailure : std::uint8_t {
    none,
    unreachable,  // no connection, or it broke
    silent,       // the time has passed
    no_http,      // what came is no answer, or ended or went on where it must not
};

struct HttpReply {
    unsigned status = 0;  // 0: there is no answer
    std::string body;
    std::chrono::seconds retry_after{0};
    std::string error;  // one sentence: why there is no answer, or why a stream ended
    HttpFailure failure = HttpFailure::none;
    std::string cause;  // of the failure, without the server
};

struct HttpConnection;

class HttpClient {
  public:
    using Clock = std::chrono::steady_clock;
    using TimePoint = Clock::time_point;

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
    boost::asio::awaitable<HttpReply> follow(HttpRequest request, std::chrono::milliseconds silence, OnLine on_line);

    /// Lets what is going on fail. Nothing else may be called afterwards.
    void close();

    /// The server that is asked next: "host:port", or the path of its socket.
    [[nodiscard]] std::string server() const;

  private:
    struct Lookup;
    struct Problem {
        HttpFailure failure = HttpFailure::none;
        std::string cause;
        std::string while_doing = {};
    };

    boost::asio::awaitable<Problem> connect(TimePoint until);
    boost::asio::awaitable<std::shared_ptr<Lookup>> look_up(TimePoint until);
    boost::asio::awaitable<Problem> shake_hands();
    boost::asio::awaitable<HttpReply> attempt(const HttpRequest& request, TimePoint until);
    [[nodiscard]] static Problem problem_of(const boost::system::error_code& error, std::string while_doing = {});
    [[nodiscard]] HttpReply failed(const Problem& problem);
    void next_server();

    std::vector<HttpServer> servers_;
    certs::PeerTls tls_;
    std::size_t at_ = 0;
    std::unique_ptr<HttpConnection> connection_;
    std::shared_ptr<Lookup> lookup_;
    bool sent_ = false;        // of the last attempt: the server may have seen the request
    bool went_stale_ = false;  // of the last attempt: a kept connection turned out to be closed
    bool closed_ = false;
};

/// Asks once and waits for the answer, at most for `time`. For programs that do nothing else meanwhile.
HttpReply ask_once(const HttpServer& server, HttpRequest request, std::chrono::milliseconds time);

}  // namespace portal::net
