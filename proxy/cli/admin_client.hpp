// One request to a running portal or agent, over its admin port or its unix socket, for the subcommands that talk to
// one. Blocks, at most for the time given.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <CLI/App.hpp>

namespace portal::cli {

/// http://HOST[:PORT][/], without a port 9380; HOST:PORT; or unix:PATH.
struct AdminUrl {
    std::string host;
    std::string port;
    std::string socket;  // a path; then the others are empty
};

/// Empty when `text` is not such a URL.
[[nodiscard]] std::optional<AdminUrl> parse_admin_url(std::string_view text);

struct AdminReply {
    unsigned status = 0;
    std::string body;
    std::string error;  // a sentence when no reply came; then the others are empty
};

enum class AdminMethod { get, post };

/// Whom to ask, and by which login.
struct AdminAccess {
    std::string url = {};
    std::string token_file = {};     // may be empty
    std::string what = "a portal";   // who answers there, and
    std::string option = "--admin";  // how its address is given, for sentences
};

/// A change that the port refuses without a token goes over the socket that the refusal names, if the port is one of
/// this machine, and only to the same process.
[[nodiscard]] AdminReply ask_admin(const AdminAccess& access, AdminMethod method, std::string_view path,
                                   std::string_view body, std::chrono::milliseconds time);

/// What a reply other than success says: the `error` of its JSON, or its first line.
[[nodiscard]] std::string refusal_of(const AdminReply& reply);

/// Adds --admin, also from the environment variable REDIS_PORTAL_ADMIN.
void add_admin_option(CLI::App& command, AdminAccess& access);
/// Adds --token-file, also from the environment variable REDIS_PORTAL_TOKEN_FILE.
void add_token_option(CLI::App& command, AdminAccess& access);
/// The complaint about a text that is no such address; else empty.
[[nodiscard]] std::string why_no_admin_url(const std::string& text);
inline constexpr std::string_view kDefaultAdminUrl = "http://127.0.0.1:9380";

}  // namespace portal::cli
