// One request to the admin port of a running portal, for the subcommands that talk to one. Blocks, at most for the time
// given.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <CLI/App.hpp>

namespace portal::cli {

/// http://HOST[:PORT][/]; without a port 9380.
struct AdminUrl {
    std::string host;
    std::string port;
};

/// Empty when `text` is not such a URL.
[[nodiscard]] std::optional<AdminUrl> parse_admin_url(std::string_view text);

struct AdminReply {
    unsigned status = 0;
    std::string body;
    std::string error;  // a sentence when no reply came; then the others are empty
};

enum class AdminMethod { get, post };

[[nodiscard]] AdminReply ask_admin(const std::string& url, AdminMethod method, std::string_view path,
                                   std::string_view body, std::chrono::milliseconds time);

/// What a reply other than success says: the `error` of its JSON, or its first line.
[[nodiscard]] std::string refusal_of(const AdminReply& reply);

/// Adds --admin, also from the environment variable REDIS_PORTAL_ADMIN; `url` keeps its value as default.
void add_admin_option(CLI::App& command, std::string& url);
inline constexpr std::string_view kDefaultAdminUrl = "http://127.0.0.1:9380";

}  // namespace portal::cli
