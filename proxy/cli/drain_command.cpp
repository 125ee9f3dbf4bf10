#include "cli/drain_command.hpp"

#include "cli/admin_client.hpp"

#include <chrono>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

namespace portal::cli {
namespace {

constexpr auto kTime = std::chrono::seconds(5);

int run_drain(const AdminAccess& access) {
    const auto reply = ask_admin(access, AdminMethod::post, "/drain", {}, kTime);
    if (!reply.error.empty() || reply.status != 202) {
        fmt::print(stderr, "{}\n", reply.error.empty() ? refusal_of(reply) : reply.error);
        return 1;
    }
    fmt::print("The portal drains: it accepts no new clients, lets those it has go, and ends.\n");
    return 0;
}

}  // namespace

void add_drain_command(CLI::App& app, int& exit_status) {
    auto* const command =
        app.add_subcommand("drain", "Stop accepting clients, let those go that are there, then end the portal");
    const auto access = std::make_shared<AdminAccess>();
    add_admin_option(*command, *access);
    add_token_option(*command, *access);
    command->callback([access, &exit_status] { exit_status = run_drain(*access); });
}

}  // namespace portal::cli
