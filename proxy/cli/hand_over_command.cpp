#include "cli/hand_over_command.hpp"

#include "cli/admin_client.hpp"

#include <chrono>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

namespace portal::cli {
namespace {

/// Longer than the longest hand_over.time.
constexpr auto kTime = std::chrono::minutes(11);

int run_hand_over(const AdminAccess& access) {
    const auto reply = ask_admin(access, AdminMethod::post, "/hand-over", {}, kTime);
    if (!reply.error.empty() || reply.status != 200) {
        fmt::print(stderr, "{}\n", reply.error.empty() ? refusal_of(reply) : reply.error);
        return 1;
    }
    fmt::print("{}", reply.body);
    return 0;
}

}  // namespace

void add_hand_over_command(CLI::App& app, int& exit_status) {
    auto* const command = app.add_subcommand(
        "hand-over", "Before a Redis node is stopped by hand: have another node lead, through the agent beside it");
    const auto access = std::make_shared<AdminAccess>();
    access->what = "an agent";
    access->option = "--agent";
    command
        ->add_option("--agent", access->url,
                     "unix:PATH of the agent's hand_over.socket, or http:// with its hand_over.listen")
        ->envname("REDIS_PORTAL_AGENT")
        ->type_name("URL")
        ->required()
        ->check(why_no_admin_url);
    add_token_option(*command, *access);
    command->callback([access, &exit_status] { exit_status = run_hand_over(*access); });
}

}  // namespace portal::cli
