#include "cli/switchover_command.hpp"

#include "cli/admin_client.hpp"

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace portal::cli {
namespace {

/// Longer than the portal itself waits for the end of a switchover.
constexpr auto kTime = std::chrono::seconds(40);

struct Arguments {
    AdminAccess access;
    std::string to;
};

int run_switchover(const Arguments& arguments) {
    const auto body =
        arguments.to.empty() ? std::string() : boost::json::serialize(boost::json::object{{"to", arguments.to}});
    const auto reply = ask_admin(arguments.access, AdminMethod::post, "/switchover", body, kTime);
    if (!reply.error.empty() || reply.status != 200) {
        fmt::print(stderr, "{}\n", reply.error.empty() ? refusal_of(reply) : reply.error);
        return 1;
    }
    fmt::print("Switched over{}; redis-portal status shows the new leader.\n",
               arguments.to.empty() ? "" : " to " + arguments.to);
    return 0;
}

}  // namespace

void add_switchover_command(CLI::App& app, int& exit_status) {
    auto* const command = app.add_subcommand("switchover", "Make another node the leader, without losing a write");
    const auto arguments = std::make_shared<Arguments>();
    add_admin_option(*command, arguments->access);
    add_token_option(*command, arguments->access);
    command->add_option("--to", arguments->to, "The node that shall lead; the best replica without it")
        ->type_name("NODE");
    command->callback([arguments, &exit_status] { exit_status = run_switchover(*arguments); });
}

}  // namespace portal::cli
