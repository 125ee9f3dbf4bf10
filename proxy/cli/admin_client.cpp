#include "cli/admin_client.hpp"

#include "admin/access.hpp"
#include "admin/own_socket.hpp"
#include "config/secret_files.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
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
using Local = asio::local::stream_protocol;

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
template <class Stream>
asio::awaitable<beast::error_code> talk(Stream& stream, const Request& request, AdminReply& reply) {
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

asio::awaitable<beast::error_code> exchange(AdminUrl url, const Request& request, std::chrono::milliseconds time,
                                            AdminReply& reply) {
    const auto executor = co_await asio::this_coro::executor;
    if (!url.socket.empty()) {
        beast::basic_stream<Local> stream(executor);
        stream.expires_after(time);
        const auto [connect_error] = co_await stream.async_connect(Local::endpoint(url.socket), kNoThrow);
        if (connect_error) {
            co_return connect_error;
        }
        co_return co_await talk(stream, request, reply);
    }
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
    co_return co_await talk(stream, request, reply);
}

beast::error_code run_exchange(const AdminUrl& url, const Request& request, std::chrono::milliseconds time,
                               AdminReply& reply) {
    asio::io_context context(1);
    beast::error_code error;
    asio::co_spawn(context, exchange(url, request, time, reply),
                   [&error](std::exception_ptr escaped, beast::error_code result) {
                       error = escaped ? make_error_code(boost::system::errc::io_error) : result;
                   });
    context.run();
    return error;
}

std::string sentence_of(const beast::error_code& error, const AdminAccess& access, std::chrono::milliseconds time) {
    if (error == beast::error::timeout) {
        return fmt::format("There is no answer from {} at {} within {:g} s: look at its log.", access.what, access.url,
                           std::chrono::duration<double>(time).count());
    }
    if (error.category() == http::make_error_code(http::error::end_of_stream).category()) {
        return fmt::format("What listens at {} is not the admin port of {}: give the right address with {}.",
                           access.url, access.what, access.option);
    }
    return fmt::format("Cannot reach {} at {} ({}): check that it runs, or give its admin address with {}.",
                       access.what, access.url, error.message(), access.option);
}

/// The member of that name of a JSON object; empty when there is none.
std::string text_in(const std::string& body, std::string_view name) {
    boost::json::error_code error;
    const auto value = boost::json::parse(body, error);
    const auto* object = error ? nullptr : value.if_object();
    const auto* text = object == nullptr ? nullptr : object->if_contains(name);
    return text != nullptr && text->is_string() ? std::string(text->get_string()) : std::string();
}

bool is_this_machine(const std::string& host) {
    boost::system::error_code error;
    const auto address = asio::ip::make_address(host, error);
    return host == "localhost" || (!error && address.is_loopback());
}

/// What refused for want of a login has named its socket: the same request over that, which only the same process
/// takes.
void try_its_socket(Request request, std::chrono::milliseconds time, AdminReply& reply) {
    const AdminUrl socket{{}, {}, text_in(reply.body, "socket")};
    if (socket.socket.empty() || socket.socket.size() > admin::longest_socket_path()) {
        return;
    }
    request.set(admin::kInstanceHeader, text_in(reply.body, "instance"));
    AdminReply second;
    if (!run_exchange(socket, request, time, second) && second.status != unsigned(http::status::misdirected_request)) {
        reply = std::move(second);
    }
}

}  // namespace

std::optional<AdminUrl> parse_admin_url(std::string_view text) {
    constexpr std::string_view kScheme = "http://";
    constexpr std::string_view kSocketScheme = "unix:";
    if (text.starts_with(kSocketScheme)) {
        text.remove_prefix(kSocketScheme.size());
        const bool usable = !text.empty() && text.size() <= admin::longest_socket_path();
        return usable ? std::optional(AdminUrl{{}, {}, std::string(text)}) : std::nullopt;
    }
    if (!text.starts_with(kScheme)) {
        return std::nullopt;
    }
    text.remove_prefix(kScheme.size());
    if (text.ends_with('/')) {
        text.remove_suffix(1);
    }
    AdminUrl url{"", "9380", ""};
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

AdminReply ask_admin(const AdminAccess& access, AdminMethod method, std::string_view path, std::string_view body,
                     std::chrono::milliseconds time) {
    AdminReply reply;
    const auto parsed = parse_admin_url(access.url);
    if (!parsed) {
        reply.error = why_no_admin_url(access.url);
        return reply;
    }
    const bool change = method == AdminMethod::post;
    Request request(change ? http::verb::post : http::verb::get, path, 11);
    request.set(http::field::host, parsed->host.empty() ? "localhost" : parsed->host);
    request.set(http::field::user_agent, "redis-portal/" PORTAL_VERSION);
    request.keep_alive(false);
    request.body() = body;
    request.prepare_payload();
    if (change && !access.token_file.empty()) {
        const auto token = config::read_token(access.token_file);
        if (!token.value) {
            reply.error = fmt::format("The token file {} {}.", access.token_file, token.complaint);
            return reply;
        }
        request.set(http::field::authorization, "Bearer " + *token.value);
    }
    if (const auto error = run_exchange(*parsed, request, time, reply)) {
        reply.error = sentence_of(error, access, time);
        return reply;
    }
    const bool no_login =
        reply.status == unsigned(http::status::forbidden) || reply.status == unsigned(http::status::unauthorized);
    if (change && no_login && access.token_file.empty() && is_this_machine(parsed->host)) {
        try_its_socket(std::move(request), time, reply);
    }
    return reply;
}

std::string refusal_of(const AdminReply& reply) {
    if (auto sentence = text_in(reply.body, "error"); !sentence.empty()) {
        return sentence;
    }
    return fmt::format("The answer has the HTTP status {}: {}", reply.status,
                       reply.body.substr(0, reply.body.find('\n')));
}

std::string why_no_admin_url(const std::string& text) {
    return parse_admin_url(text)
               ? std::string()
               : text + " is not an admin address: write it like http://127.0.0.1:9380 or unix:/path/of/the/socket";
}

void add_admin_option(CLI::App& command, AdminAccess& access) {
    access.url = kDefaultAdminUrl;
    command
        .add_option("--admin", access.url,
                    "Admin address of the portal, like http://127.0.0.1:9380, or unix:PATH of its socket")
        ->envname("REDIS_PORTAL_ADMIN")
        ->type_name("URL")
        ->capture_default_str()
        ->check(why_no_admin_url);
}

void add_token_option(CLI::App& command, AdminAccess& access) {
    command
        .add_option("--token-file", access.token_file,
                    "File with the token that lets changes in over HTTP; not needed with unix:PATH, nor on the machine "
                    "of one that has a socket")
        ->envname("REDIS_PORTAL_TOKEN_FILE")
        ->type_name("FILE");
}

}  // namespace portal::cli
