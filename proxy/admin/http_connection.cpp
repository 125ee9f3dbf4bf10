#include "admin/http_connection.hpp"

#include "observe/log.hpp"

#include <algorithm>
#include <exception>
#include <string>
#include <tuple>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_static_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

namespace portal::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using State = ConnectionBudget::State;
using Stream = beast::basic_stream<asio::generic::stream_protocol>;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t kHeaderLimit = 8 * 1024;
constexpr std::uint64_t kBodyLimit = 4 * 1024;
using Buffer = beast::flat_static_buffer<kHeaderLimit + kBodyLimit>;

/// A failed handler costs its client an answer, not the process its port.
asio::awaitable<Response> answer(const Respond& respond, const Request& request, const Peer& peer) {
    std::string failure;
    try {
        auto response = co_await respond(request, peer);
        co_return response;
    } catch (const std::exception& error) {
        failure = error.what();
    }
    observe::log_repeated(observe::LogLevel::error, "admin", "request failed", {"reason", failure},
                          {{"target", std::string(request.target())}});
    co_return text_response(http::status::internal_server_error, "This could not be answered; the log says why.");
}

asio::awaitable<bool> write(Stream& stream, Response response, bool head_only, bool keep_alive,
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
asio::awaitable<void> finish(Stream& stream, Buffer& buffer) {
    constexpr auto kTime = std::chrono::seconds(1);
    constexpr std::size_t kMost = 256 * 1024;
    beast::error_code error;
    stream.socket().shutdown(asio::socket_base::shutdown_send, error);
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

Response refusal_while_busy() {
    return text_response(http::status::service_unavailable, "Too many requests at one time: ask again in a moment.");
}

}  // namespace

asio::awaitable<void> serve_connection(const ServerOptions& options, const Respond& respond, ConnectionBudget& budget,
                                       StreamSocket socket, Peer peer) {
    Stream stream(std::move(socket));
    ConnectionBudget::Place place(budget, [&stream] { stream.close(); });
    Buffer buffer;
    // A new connection has something to ask; a probe's and a scraper's does at once.
    stream.expires_after(options.request_time);
    for (bool first = true, keep_alive = true; keep_alive; first = false) {
        place.begin(State::asking);
        if (buffer.size() == 0) {
            if (!first) {
                stream.expires_after(options.idle_time);
            }
            const auto [error, count] = co_await stream.async_read_some(buffer.prepare(kHeaderLimit), kNoThrow);
            if (error || place.lost()) {
                co_return;
            }
            buffer.commit(count);
        }
        http::request_parser<http::string_body> parser;
        parser.header_limit(kHeaderLimit);
        parser.body_limit(kBodyLimit);
        if (!first) {
            stream.expires_after(options.request_time);
        }
        const auto [error, count] = co_await http::async_read(stream, buffer, parser, kNoThrow);
        if (place.lost()) {
            co_return;
        }
        if (error) {
            if (is_broken_request(error)) {
                auto refusal = response_to_broken_request(error);
                place.begin(State::reading);
                co_await write(stream, std::move(refusal), false, false, options.answer_time);
                co_await finish(stream, buffer);
            }
            co_return;
        }
        const auto& request = parser.get();
        keep_alive = request.keep_alive();
        stream.expires_never();
        Response response;
        if (place.may_be_served(is_probe_path(path_of(request)))) {
            place.begin(State::served);
            response = co_await answer(respond, request, peer);
        } else {
            response = refusal_while_busy();
        }
        const bool head_only = request.method() == http::verb::head;
        place.begin(State::reading);
        const bool written = co_await write(stream, std::move(response), head_only, keep_alive, options.answer_time);
        if (!written || place.lost()) {
            co_return;
        }
    }
    co_await finish(stream, buffer);
}

}  // namespace portal::admin
