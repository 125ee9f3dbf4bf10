#include "admin/http_server.hpp"

#include "observe/log.hpp"

#include <exception>
#include <tuple>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_static_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>

namespace portal::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t kHeaderLimit = 8 * 1024;
constexpr std::uint64_t kBodyLimit = 4 * 1024;
constexpr auto kAcceptPause = std::chrono::milliseconds(100);
using Buffer = beast::flat_static_buffer<kHeaderLimit + kBodyLimit>;

}  // namespace

struct ServerCore {
    ServerCore(ServerOptions given_options, Respond given_respond)
        : options(std::move(given_options)), respond(std::move(given_respond)) {}

    ServerOptions options;
    Respond respond;
    std::size_t connections = 0;
    // Last, so that the coroutines in it end while the members above still live.
    asio::io_context context{1};
};

namespace {

/// A failed handler costs its client an answer, not the process its port.
asio::awaitable<Response> answer(const Respond& respond, const Request& request, asio::ip::address peer) {
    std::string failure;
    try {
        auto response = co_await respond(request, peer);
        co_return response;
    } catch (const std::exception& error) {
        failure = error.what();
    }
    observe::log_error("admin", "request failed", {{"target", std::string(request.target())}, {"reason", failure}});
    co_return text_response(http::status::internal_server_error, "This could not be answered; the log says why.");
}

asio::awaitable<bool> write(beast::tcp_stream& stream, Response response, bool head_only, bool keep_alive,
                            std::chrono::milliseconds time) {
    response.keep_alive(keep_alive);
    response.prepare_payload();
    stream.expires_after(time);
    beast::error_code error;
    if (head_only) {
        http::response<http::empty_body> head(std::move(response.base()));
        std::tie(error, std::ignore) = co_await http::async_write(stream, head, kNoThrow);
    } else {
        std::tie(error, std::ignore) = co_await http::async_write(stream, response, kNoThrow);
    }
    co_return !error;
}

/// Says goodbye and reads away what the client still sends, so that a reset does not overtake the last response.
asio::awaitable<void> finish(beast::tcp_stream& stream, Buffer& buffer) {
    constexpr auto kTime = std::chrono::seconds(1);
    constexpr std::size_t kMost = 256 * 1024;
    beast::error_code error;
    stream.socket().shutdown(tcp::socket::shutdown_send, error);
    stream.expires_after(kTime);
    std::size_t count = 0;
    for (std::size_t total = 0; !error && total < kMost; total += count) {
        buffer.clear();
        std::tie(error, count) = co_await stream.async_read_some(buffer.prepare(buffer.max_size()), kNoThrow);
    }
}

Response response_to_broken_request(const beast::error_code& error) {
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
        return text_response(http::status::request_header_fields_too_large, "The request header is longer than 8 KiB.");
    }
    if (error == http::error::body_limit) {
        return text_response(http::status::payload_too_large, "The request body is longer than 4 KiB.");
    }
    return text_response(http::status::bad_request, "This is not an HTTP request.");
}

/// True for errors that the request itself has, false when the connection is gone or too slow.
bool is_broken_request(const beast::error_code& error) {
    return error.category() == make_error_code(http::error::header_limit).category() &&
           error != http::error::end_of_stream && error != http::error::partial_message;
}

asio::awaitable<void> serve_connection(ServerCore& core, tcp::socket socket, asio::ip::address peer) {
    beast::tcp_stream stream(std::move(socket));
    Buffer buffer;
    for (bool keep_alive = true; keep_alive;) {
        if (buffer.size() == 0) {
            stream.expires_after(core.options.idle_time);
            const auto [error, count] = co_await stream.async_read_some(buffer.prepare(kHeaderLimit), kNoThrow);
            if (error) {
                co_return;
            }
            buffer.commit(count);
        }
        http::request_parser<http::string_body> parser;
        parser.header_limit(kHeaderLimit);
        parser.body_limit(kBodyLimit);
        stream.expires_after(core.options.request_time);
        const auto [error, count] = co_await http::async_read(stream, buffer, parser, kNoThrow);
        if (error) {
            if (is_broken_request(error)) {
                auto refusal = response_to_broken_request(error);
                co_await write(stream, std::move(refusal), false, false, core.options.request_time);
                co_await finish(stream, buffer);
            }
            co_return;
        }
        const auto& request = parser.get();
        keep_alive = request.keep_alive();
        stream.expires_never();
        auto response = co_await answer(core.respond, request, peer);
        const bool head_only = request.method() == http::verb::head;
        const bool written =
            co_await write(stream, std::move(response), head_only, keep_alive, core.options.request_time);
        if (!written) {
            co_return;
        }
    }
    co_await finish(stream, buffer);
}

void log_escape(std::exception_ptr escaped) {
    try {
        std::rethrow_exception(std::move(escaped));
    } catch (const std::exception& error) {
        observe::log_error("admin", "connection ended by an error", {{"reason", error.what()}});
    }
}

asio::awaitable<void> accept_connections(ServerCore& core, tcp::acceptor acceptor) {
    asio::steady_timer pause(acceptor.get_executor());
    while (true) {
        auto [error, socket] = co_await acceptor.async_accept(kNoThrow);
        if (error) {
            // Out of descriptors, as a rule: the connection stays in the queue, so do not spin.
            pause.expires_after(kAcceptPause);
            co_await pause.async_wait(kNoThrow);
            continue;
        }
        beast::error_code gone;
        const auto peer = socket.remote_endpoint(gone).address();
        if (gone || core.connections >= core.options.max_connections) {
            continue;
        }
        ++core.connections;
        asio::co_spawn(core.context, serve_connection(core, std::move(socket), peer),
                       [&core](std::exception_ptr escaped) {
                           --core.connections;
                           if (escaped) {
                               log_escape(std::move(escaped));
                           }
                       });
    }
}

/// A listening acceptor, or why there is none.
beast::error_code listen(tcp::acceptor& acceptor, const config::Address& address) {
    beast::error_code error;
    tcp::resolver resolver(acceptor.get_executor());
    const auto found = resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::passive, error);
    if (error) {
        return error;
    }
    const auto endpoint = found.begin()->endpoint();
    acceptor.open(endpoint.protocol(), error);
    if (!error) {
        acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    }
    if (!error) {
        acceptor.bind(endpoint, error);
    }
    if (!error) {
        acceptor.listen(tcp::acceptor::max_listen_connections, error);
    }
    return error;
}

}  // namespace

HttpServer::HttpServer(ServerOptions options, Respond respond)
    : core_(std::make_unique<ServerCore>(std::move(options), std::move(respond))) {}

HttpServer::~HttpServer() {
    stop();
}

std::optional<std::string> HttpServer::start() {
    const auto& address = core_->options.address;
    tcp::acceptor acceptor(core_->context);
    if (const auto error = listen(acceptor, address)) {
        return fmt::format("Cannot listen on {}:{} for {} ({}): change {} in the configuration, or stop what uses it.",
                           address.host, address.port, core_->options.purpose, error.message(), core_->options.key);
    }
    beast::error_code error;
    port_ = acceptor.local_endpoint(error).port();
    asio::co_spawn(core_->context, accept_connections(*core_, std::move(acceptor)), [](std::exception_ptr escaped) {
        if (escaped) {
            log_escape(std::move(escaped));
        }
    });
    thread_ = std::thread([core = core_.get()] { core->context.run(); });
    return std::nullopt;
}

void HttpServer::stop() {
    if (thread_.joinable()) {
        core_->context.stop();
        thread_.join();
    }
}

}  // namespace portal::admin
