#include "cli/serve_command.hpp"

#include "cli/portal_file.hpp"
#include "cli/portal_process.hpp"
#include "cli/process_run.hpp"

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

namespace portal::cli {

namespace {

int serve(const std::string& file) {
    config::LoadResult loaded = load_portal_file(file);
    if (!loaded.config) {
        for (const config::Problem& problem : loaded.problems) {
            std::fprintf(stderr, "%s\n", config::format_problem(file, problem).c_str());
        }
        return 1;
    }
    const config::Log log = loaded.config->log;
    return run_process<PortalProcess>(log, std::move(*loaded.config), std::move(loaded.upkeep), file);
}

}  // namespace

void add_serve_command(CLI::App& app, int& exit_status) {
    auto file = std::make_shared<std::string>();
    CLI::App* command = app.add_subcommand(
        "serve",
        "Run a portal. SIGTERM lets clients go and ends it; changed files are taken over, at once with SIGHUP.");
    command->add_option("-c,--config", *file, "YAML configuration file")->required();
    command->callback([file, &exit_status] { exit_status = serve(*file); });
}

}  // namespace portal::cli
