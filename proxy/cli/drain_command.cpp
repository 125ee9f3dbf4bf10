#include "cli/drain_command.hpp"

#include "cli/admin_client.hpp"

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include <fmt/format.h>

namespace portal::cli {
namespace {

constexpr auto kTime = std::chrono::seconds(5);

int run_drain(const std::string& url) {
    const auto reply = ask_admin(url, AdminMethod::post, "/drain", {}, kTime);
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
    const auto url = std::make_shared<std::string>();
    add_admin_option(*command, *url);
    command->callback([url, &exit_status] { exit_status = run_drain(*url); });
}

}  // namespace portal::cli
