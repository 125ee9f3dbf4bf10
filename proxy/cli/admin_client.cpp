#include "cli/admin_client.hpp"

#include "admin/access.hpp"
#include "admin/own_socket.hpp"
#include "config/secret_files.hpp"
#include "net/http/http_client.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/ip/address.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

namespace portal::cli {
namespace {

namespace asio = boost::asio;

constexpr unsigned kUnauthorized = 401;
constexpr unsigned kForbidden = 403;
constexpr unsigned kMisdirected = 421;

bool is_port(std::string_view text) {
    constexpr std::size_t kDigits = 5;
    constexpr int kMost = 65535;
    const bool digits = !text.empty() && text.size() <= kDigits &&
                        std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    return digits && std::stoi(std::string(text)) <= kMost && std::stoi(std::string(text)) > 0;
}

std::string sentence_of(const net::HttpReply& answer, const AdminAccess& access, std::chrono::milliseconds time) {
    switch (answer.failure) {
        case net::HttpFailure::none:
            return {};
        case net::HttpFailure::silent:
            return fmt::format("There is no answer from {} at {} within {:g} s: look at its log.", access.what,
                               access.url, std::chrono::duration<double>(time).count());
        case net::HttpFailure::no_http:
            return fmt::format("What listens at {} is not the admin port of {}: give the right address with {}.",
                               access.url, access.what, access.option);
        case net::HttpFailure::unreachable:
            break;
    }
    return fmt::format("Cannot reach {} at {} ({}): check that it runs, or give its admin address with {}.",
                       access.what, access.url, answer.cause, access.option);
}

net::HttpServer server_of(const AdminUrl& url) {
    net::HttpServer server;
    server.host = url.host;
    server.port = static_cast<std::uint16_t>(url.port.empty() ? 0 : std::stoi(url.port));
    server.socket = url.socket;
    return server;
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
void try_its_socket(net::HttpRequest request, std::chrono::milliseconds time, net::HttpReply& reply) {
    const AdminUrl socket{{}, {}, text_in(reply.body, "socket")};
    if (socket.socket.empty() || socket.socket.size() > admin::longest_socket_path()) {
        return;
    }
    request.headers.emplace_back(admin::kInstanceHeader, text_in(reply.body, "instance"));
    net::HttpReply second = net::ask_once(server_of(socket), std::move(request), time);
    if (second.status != 0 && second.status != kMisdirected) {
        reply = std::move(second);
    }
}

/// "host", "host:port", "[address]:port". `needs_port`: a bare word may be anything.
std::optional<AdminUrl> parse_host(std::string_view text, bool needs_port) {
    AdminUrl url{"", "9380", ""};
    const bool bracketed = text.starts_with('[');
    const auto host_end = bracketed ? text.find(']') : text.find(':');
    if (bracketed && host_end == std::string_view::npos) {
        return std::nullopt;
    }
    url.host = bracketed ? text.substr(1, host_end - 1) : text.substr(0, host_end);
    const auto rest =
        host_end == std::string_view::npos ? std::string_view() : text.substr(host_end + (bracketed ? 1 : 0));
    if (url.host.empty() || url.host.find_first_of("/?#@ ") != std::string::npos) {
        return std::nullopt;
    }
    if (rest.empty()) {
        return needs_port ? std::nullopt : std::optional(url);
    }
    url.port = rest.substr(1);
    return rest.starts_with(':') && is_port(url.port) ? std::optional(url) : std::nullopt;
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
    const bool has_scheme = text.starts_with(kScheme);
    if (has_scheme) {
        text.remove_prefix(kScheme.size());
    } else if (text.find("://") != std::string_view::npos) {
        return std::nullopt;
    }
    if (text.ends_with('/')) {
        text.remove_suffix(1);
    }
    return parse_host(text, !has_scheme);
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
    net::HttpRequest request;
    request.method = change ? net::HttpMethod::post : net::HttpMethod::get;
    request.target = path;
    request.body = body;
    if (change && !access.token_file.empty()) {
        const auto token = config::read_token(access.token_file);
        if (!token.value) {
            reply.error = fmt::format("The token file {} {}.", access.token_file, token.complaint);
            return reply;
        }
        request.authorization = "Bearer " + *token.value;
    }
    net::HttpReply answer = net::ask_once(server_of(*parsed), request, time);
    const bool no_login = answer.status == kForbidden || answer.status == kUnauthorized;
    if (change && no_login && access.token_file.empty() && is_this_machine(parsed->host)) {
        try_its_socket(std::move(request), time, answer);
    }
    return {answer.status, std::move(answer.body), sentence_of(answer, access, time)};
}

std::string refusal_of(const AdminReply& reply) {
    if (auto sentence = text_in(reply.body, "error"); !sentence.empty()) {
        return sentence;
    }
    return fmt::format("The answer has the HTTP status {}: {}", reply.status,
                       reply.body.substr(0, reply.body.find('\n')));
}

std::string why_no_admin_url(const std::string& text) {
    return parse_admin_url(text) ? std::string()
                                 : text +
                                       " is not an admin address: write it like 127.0.0.1:9380, http://127.0.0.1:9380 "
                                       "or unix:/path/of/the/socket";
}

void add_admin_option(CLI::App& command, AdminAccess& access) {
    access.url = kDefaultAdminUrl;
    command
        .add_option("--admin", access.url,
                    "Admin address of the portal, like 127.0.0.1:9380, or unix:PATH of its socket")
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
