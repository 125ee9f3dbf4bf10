#include "cli/agent_command.hpp"

#include "agent/agent_process.hpp"
#include "cli/process_run.hpp"
#include "config/agent_loader.hpp"
#include "config/config_loader.hpp"

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

namespace portal::cli {

namespace {

struct AgentArguments {
    std::string file;
    bool check = false;
};

int run_agent(const AgentArguments& arguments) {
    config::AgentLoadResult loaded = config::load_agent_file(arguments.file);
    if (!loaded.config) {
        for (const config::Problem& problem : loaded.problems) {
            std::fprintf(stderr, "%s\n", config::format_problem(arguments.file, problem).c_str());
        }
        return 1;
    }
    if (arguments.check) {
        std::printf("%s: ok\n", arguments.file.c_str());
        return 0;
    }
    const config::Log log = loaded.config->log;
    return run_process<agent::AgentProcess>(log, std::move(*loaded.config));
}

}  // namespace

void add_agent_command(CLI::App& app, int& exit_status) {
    const auto arguments = std::make_shared<AgentArguments>();
    CLI::App* command = app.add_subcommand(
        "agent", "Run beside one Redis node: probes, metrics, disk use, and the hand-over before it stops (SIGTERM).");
    command->add_option("-c,--config", arguments->file, "The agent's configuration file (YAML)")->required();
    command->add_flag("--check", arguments->check, "Say everything that is wrong with the file, and end");
    command->callback([arguments, &exit_status] { exit_status = run_agent(*arguments); });
}

}  // namespace portal::cli
