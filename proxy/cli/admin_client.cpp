#include "cli/admin_client.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

namespace portal::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr std::uint64_t kBodyLimit = 4 * 1024 * 1024;

bool is_port(std::string_view text) {
    constexpr std::size_t kDigits = 5;
    constexpr int kMost = 65535;
    const bool digits = !text.empty() && text.size() <= kDigits &&
                        std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    return digits && std::stoi(std::string(text)) <= kMost && std::stoi(std::string(text)) > 0;
}

using Request = http::request<http::string_body>;

/// The error that ended the exchange, if any; the reply goes into `reply`, which the caller keeps.
asio::awaitable<beast::error_code> exchange(AdminUrl url, const Request& request, std::chrono::milliseconds time,
                                            AdminReply& reply) {
    const auto executor = co_await asio::this_coro::executor;
    tcp::resolver resolver(executor);
    auto [resolve_error, endpoints] = co_await resolver.async_resolve(url.host, url.port, kNoThrow);
    if (resolve_error) {
        co_return resolve_error;
    }
    beast::tcp_stream stream(executor);
    stream.expires_after(time);
    const auto [connect_error, endpoint] = co_await stream.async_connect(endpoints, kNoThrow);
    if (connect_error) {
        co_return connect_error;
    }
    const auto [write_error, written] = co_await http::async_write(stream, request, kNoThrow);
    if (write_error) {
        co_return write_error;
    }
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kBodyLimit);
    const auto [read_error, count] = co_await http::async_read(stream, buffer, parser, kNoThrow);
    if (!read_error) {
        reply.status = parser.get().result_int();
        reply.body = std::move(parser.get().body());
    }
    co_return read_error;
}

std::string sentence_of(const beast::error_code& error, const std::string& url, std::chrono::milliseconds time) {
    if (error == beast::error::timeout) {
        return fmt::format("The portal at {} did not answer within {:g} s: look at its log.", url,
                           std::chrono::duration<double>(time).count());
    }
    if (error.category() == http::make_error_code(http::error::end_of_stream).category()) {
        return fmt::format("What listens at {} is not the admin port of a portal: give the right address with --admin.",
                           url);
    }
    return fmt::format("Cannot reach a portal at {} ({}): check that it runs, or give its admin address with --admin.",
                       url, error.message());
}

}  // namespace

std::optional<AdminUrl> parse_admin_url(std::string_view text) {
    constexpr std::string_view kScheme = "http://";
    if (!text.starts_with(kScheme)) {
        return std::nullopt;
    }
    text.remove_prefix(kScheme.size());
    if (text.ends_with('/')) {
        text.remove_suffix(1);
    }
    AdminUrl url{"", "9380"};
    const bool bracketed = text.starts_with('[');
    const auto host_end = bracketed ? text.find(']') : text.find(':');
    if (bracketed && host_end == std::string_view::npos) {
        return std::nullopt;
    }
    url.host = bracketed ? text.substr(1, host_end - 1) : text.substr(0, host_end);
    const auto rest =
        host_end == std::string_view::npos ? std::string_view() : text.substr(host_end + (bracketed ? 1 : 0));
    if (!rest.empty()) {
        url.port = rest.substr(1);
    }
    const bool bad_rest = !rest.empty() && (!rest.starts_with(':') || !is_port(url.port));
    if (url.host.empty() || url.host.find_first_of("/?#@ ") != std::string::npos || bad_rest) {
        return std::nullopt;
    }
    return url;
}

AdminReply ask_admin(const std::string& url, AdminMethod method, std::string_view path, std::string_view body,
                     std::chrono::milliseconds time) {
    AdminReply reply;
    const auto parsed = parse_admin_url(url);
    if (!parsed) {
        reply.error = fmt::format("{} is not an admin address: write it like {}.", url, kDefaultAdminUrl);
        return reply;
    }
    Request request(method == AdminMethod::get ? http::verb::get : http::verb::post, path, 11);
    request.set(http::field::host, parsed->host);
    request.set(http::field::user_agent, "redis-portal/" PORTAL_VERSION);
    request.keep_alive(false);
    request.body() = body;
    request.prepare_payload();
    asio::io_context context(1);
    beast::error_code error;
    asio::co_spawn(context, exchange(*parsed, request, time, reply),
                   [&error](std::exception_ptr escaped, beast::error_code result) {
                       error = escaped ? make_error_code(boost::system::errc::io_error) : result;
                   });
    context.run();
    if (error) {
        reply.error = sentence_of(error, url, time);
    }
    return reply;
}

std::string refusal_of(const AdminReply& reply) {
    boost::json::error_code error;
    const auto value = boost::json::parse(reply.body, error);
    const auto* object = error ? nullptr : value.if_object();
    const auto* text = object == nullptr ? nullptr : object->if_contains("error");
    if (text != nullptr && text->is_string()) {
        return std::string(text->get_string());
    }
    return fmt::format("The portal answered with HTTP status {}: {}", reply.status,
                       reply.body.substr(0, reply.body.find('\n')));
}

void add_admin_option(CLI::App& command, std::string& url) {
    url = kDefaultAdminUrl;
    command.add_option("--admin", url, "Admin address of the portal, like http://127.0.0.1:9380")
        ->envname("REDIS_PORTAL_ADMIN")
        ->type_name("URL")
        ->capture_default_str()
        ->check([](const std::string& text) {
            return parse_admin_url(text) ? std::string()
                                         : text + " is not an admin address: write it like http://127.0.0.1:9380";
        });
}

}  // namespace portal::cli
