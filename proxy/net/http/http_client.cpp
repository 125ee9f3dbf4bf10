#include "net/http/http_client.hpp"

#include "net/http/http_connection.hpp"

#include <charconv>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>

namespace portal::net {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
/// The record, the marks and what the server adds are some kilobytes.
constexpr std::uint64_t kMaxBody = 4U << 20U;
constexpr std::size_t kMaxLine = 1U << 20U;

using Message = HttpConnection::Message;
using Parser = HttpConnection::Parser;

http::verb verb_of(HttpMethod method) {
    switch (method) {
        case HttpMethod::post:
            return http::verb::post;
        case HttpMethod::patch:
            return http::verb::patch;
        case HttpMethod::get:
            break;
    }
    return http::verb::get;
}

Message message_for(const HttpRequest& request, const std::string& host) {
    Message message(verb_of(request.method), request.target, 11);
    message.set(http::field::host, host);
    message.set(http::field::user_agent, "redis-portal/" PORTAL_VERSION);
    message.set(http::field::accept, "application/json");
    if (!request.authorization.empty()) {
        message.set(http::field::authorization, request.authorization);
    }
    if (!request.body.empty()) {
        message.set(http::field::content_type, request.content_type);
        message.body() = request.body;
    }
    for (const auto& [name, value] : request.headers) {
        message.set(name, value);
    }
    message.prepare_payload();
    return message;
}

/// Retry-After in seconds (RFC 9110); a date there is not worth the trouble.
std::chrono::seconds retry_after(const http::response<HttpConnection::Body>& answer) {
    const auto text = answer[http::field::retry_after];
    unsigned seconds = 0;
    std::from_chars(text.data(), text.data() + text.size(), seconds);
    return std::chrono::seconds(seconds);
}

HttpReply reply_from(Parser& parser) {
    auto& answer = parser.get();
    HttpReply reply;
    reply.status = answer.result_int();
    reply.body = std::move(answer.body());
    reply.retry_after = retry_after(answer);
    return reply;
}

HttpFailure failure_of(const error_code& error) {
    if (error == beast::error::timeout || error == asio::error::operation_aborted) {
        return HttpFailure::silent;
    }
    return error.category() == http::make_error_code(http::error::end_of_stream).category() ? HttpFailure::no_http
                                                                                            : HttpFailure::unreachable;
}

std::string cause_of(const error_code& error) {
    if (failure_of(error) == HttpFailure::silent) {
        return "no answer in time";
    }
    return error == http::error::end_of_stream ? "the connection was closed" : error.message();
}

}  // namespace

/// A look-up that may outlive who asked for it: getaddrinfo cannot be interrupted, but nobody has to wait for it.
struct HttpClient::Lookup {
    explicit Lookup(const asio::any_io_executor& executor) : resolver(executor), settled(executor) {}

    tcp::resolver resolver;
    asio::steady_timer settled;
    bool answered = false;
    error_code error;
    std::vector<asio::generic::stream_protocol::endpoint> endpoints;
};

HttpServer server_of(const std::string& url) {
    const bool tls = url.starts_with("https://");
    const auto address = url.substr(url.find("//") + 2);
    const auto colon = address.rfind(':');
    auto host = address.substr(0, colon);
    if (host.starts_with('[')) {
        host = host.substr(1, host.size() - 2);
    }
    return {std::move(host), static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))), tls};
}

std::vector<HttpServer> servers_of(const std::vector<std::string>& urls) {
    std::vector<HttpServer> servers;
    for (const auto& url : urls) {
        servers.push_back(server_of(url));
    }
    return servers;
}

HttpClient::HttpClient(std::vector<HttpServer> servers, certs::PeerTlsFiles tls)
    : servers_(std::move(servers)), tls_(std::move(tls)) {}
HttpClient::~HttpClient() = default;

std::string HttpClient::server() const {
    const auto& [host, port, tls, socket] = servers_[at_];
    if (!socket.empty()) {
        return socket;
    }
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

void HttpClient::next_server() {
    connection_.reset();
    at_ = (at_ + 1) % servers_.size();
}

HttpClient::Problem HttpClient::problem_of(const error_code& error, std::string while_doing) {
    return {failure_of(error), cause_of(error), std::move(while_doing)};
}

HttpReply HttpClient::failed(const Problem& problem) {
    connection_.reset();
    HttpReply reply;
    reply.error = server() + ": " + problem.while_doing + problem.cause;
    reply.failure = problem.failure;
    reply.cause = problem.cause;
    return reply;
}

void HttpClient::close() {
    closed_ = true;
    if (connection_) {
        connection_->stream.close();
    }
    if (lookup_) {
        lookup_->settled.cancel();
    }
}

asio::awaitable<std::shared_ptr<HttpClient::Lookup>> HttpClient::look_up(TimePoint until) {
    const auto executor = co_await asio::this_coro::executor;
    const auto& [host, port, tls, socket] = servers_[at_];
    auto lookup = std::make_shared<Lookup>(executor);
    if (!socket.empty()) {
        lookup->answered = true;
        lookup->endpoints.emplace_back(asio::local::stream_protocol::endpoint(socket));
        co_return lookup;
    }
    error_code is_name;
    const auto literal = asio::ip::make_address(host, is_name);
    if (!is_name) {
        lookup->answered = true;
        lookup->endpoints.emplace_back(tcp::endpoint(literal, port));
        co_return lookup;
    }
    lookup_ = lookup;
    lookup->settled.expires_at(until);
    lookup->resolver.async_resolve(host, std::to_string(port), [lookup](error_code error, const auto& found) {
        lookup->answered = true;
        lookup->error = error;
        for (const auto& entry : found) {
            lookup->endpoints.emplace_back(entry.endpoint());
        }
        lookup->settled.cancel();
    });
    co_await lookup->settled.async_wait(kAwait);
    lookup_.reset();
    co_return lookup;
}

/// A problem when there is no connection.
asio::awaitable<HttpClient::Problem> HttpClient::connect(TimePoint until) {
    const auto executor = co_await asio::this_coro::executor;
    const auto lookup = co_await look_up(until);
    if (closed_ || !lookup->answered || lookup->error) {
        const error_code error = lookup->error ? lookup->error : error_code(beast::error::timeout);
        co_return problem_of(error, "cannot look up the name: ");
    }
    connection_ = std::make_unique<HttpConnection>(executor);
    auto& stream = connection_->stream;
    stream.expires_at(until);
    const auto [error, endpoint] = co_await stream.async_connect(lookup->endpoints, kAwait);
    if (error) {
        co_return problem_of(error, "cannot connect: ");
    }
    error_code ignored;
    stream.socket().set_option(tcp::no_delay(true), ignored);
    if (servers_[at_].tls) {
        co_return co_await shake_hands();
    }
    co_return Problem{};
}

asio::awaitable<HttpClient::Problem> HttpClient::shake_hands() {
    auto context = tls_.current();
    if (!context) {
        co_return Problem{HttpFailure::unreachable, context.error().message, "cannot read the TLS files: "};
    }
    auto& tls = connection_->secure(std::move(*context));
    if (!certs::expect_peer(tls.native_handle(), servers_[at_].host)) {
        co_return Problem{HttpFailure::unreachable, "this can be no server name"};
    }
    const auto [refused] = co_await tls.async_handshake(asio::ssl::stream_base::client, kAwait);
    co_return refused ? problem_of(refused, "TLS handshake failed: ") : Problem{};
}

asio::awaitable<HttpReply> HttpClient::attempt(const HttpRequest& request, TimePoint until) {
    sent_ = went_stale_ = false;
    if (!connection_) {
        if (const auto problem = co_await connect(until); problem.failure != HttpFailure::none) {
            co_return failed(problem);
        }
    }
    const bool kept = std::exchange(connection_->used, true);
    const auto message = message_for(request, servers_[at_].socket.empty() ? server() : "localhost");
    Parser parser;
    parser.body_limit(kMaxBody);
    connection_->stream.expires_at(until);
    sent_ = true;
    auto error = co_await connection_->write(message);
    if (!error) {
        error = co_await connection_->read(parser);
    }
    if (error) {
        went_stale_ = kept && !parser.got_some() && error != beast::error::timeout;
        co_return failed(problem_of(error));
    }
    if (!parser.keep_alive()) {
        connection_.reset();
    }
    co_return reply_from(parser);
}

asio::awaitable<HttpReply> HttpClient::ask(HttpRequest request, TimePoint until) {
    HttpReply reply;
    for (std::size_t asked = 1; !closed_; ++asked) {
        const auto now = Clock::now();
        const auto share = asked < servers_.size() ? now + (until - now) / 2 : until;
        reply = co_await attempt(request, share);
        if (went_stale_ && request.repeatable && !closed_) {
            reply = co_await attempt(request, share);
        }
        if (reply.status != 0 && reply.status < 500) {
            break;
        }
        next_server();
        if (asked >= servers_.size() || (sent_ && !request.repeatable)) {
            break;
        }
    }
    co_return reply;
}

asio::awaitable<HttpReply> HttpClient::follow(HttpRequest request, std::chrono::milliseconds silence, OnLine on_line) {
    connection_.reset();
    if (const auto problem = co_await connect(Clock::now() + silence); problem.failure != HttpFailure::none) {
        auto reply = failed(problem);
        next_server();
        co_return reply;
    }
    const auto message = message_for(request, server());
    Parser parser;
    parser.body_limit(boost::none);
    connection_->stream.expires_after(silence);
    auto error = co_await connection_->write(message);
    if (!error) {
        error = co_await connection_->read_header(parser);
    }
    if (!error && parser.get().result() != http::status::ok) {
        parser.body_limit(kMaxBody);
        error = co_await connection_->read(parser);
        if (!error) {
            next_server();
            co_return reply_from(parser);
        }
    }
    auto& body = parser.get().body();
    while (!error && !parser.is_done()) {
        connection_->stream.expires_after(silence);
        error = co_await connection_->read_some(parser);
        std::size_t begin = 0;
        for (auto end = body.find('\n'); end != std::string::npos; end = body.find('\n', begin)) {
            if (!on_line(std::string_view(body).substr(begin, end - begin))) {
                connection_.reset();
                HttpReply ended;
                ended.status = parser.get().result_int();
                ended.error = "ended by its owner";
                co_return ended;
            }
            begin = end + 1;
        }
        body.erase(0, begin);
        if (body.size() > kMaxLine) {
            error = http::error::body_limit;
        }
    }
    const auto status = parser.is_header_done() ? parser.get().result_int() : 0;
    auto ended = failed(error ? problem_of(error) : Problem{HttpFailure::unreachable, "the stream ended"});
    ended.status = status;
    next_server();
    co_return ended;
}

HttpReply ask_once(const HttpServer& server, HttpRequest request, std::chrono::milliseconds time) {
    asio::io_context context(1);
    HttpClient client({server}, {});
    HttpReply reply;
    asio::co_spawn(context, client.ask(std::move(request), HttpClient::Clock::now() + time),
                   [&](const std::exception_ptr& escaped, HttpReply answer) {
                       reply = std::move(answer);
                       if (escaped) {
                           reply.failure = HttpFailure::unreachable;
                           reply.cause = reply.error = "it could not be asked";
                       }
                       context.stop();  // does not wait for a name that is still looked up
                   });
    context.run();
    return reply;
}

}  // namespace portal::net
