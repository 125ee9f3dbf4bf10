// redis-portal: the command line. Each subcommand stands in a file of its own below cli/.
#include "cli/agent_command.hpp"
#include "cli/certs_command.hpp"
#include "cli/check_command.hpp"
#include "cli/demo_command.hpp"
#include "cli/drain_command.hpp"
#include "cli/serve_command.hpp"
#include "cli/status_command.hpp"
#include "cli/subcommand_names.hpp"
#include "cli/switchover_command.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

int main(int argc, char** argv) {
    constexpr int kWrongUse = 2;
    int exit_status = 0;
    CLI::App app("A TLS front for Redis that knows who leads, and carries clients through a failover.", "redis-portal");
    app.set_version_flag("--version", "redis-portal " PORTAL_VERSION);
    app.require_subcommand(1);
    app.footer("Try it: redis-portal demo");
    portal::cli::add_serve_command(app, exit_status);
    portal::cli::add_check_command(app, exit_status);
    portal::cli::add_agent_command(app, exit_status);
    portal::cli::add_demo_command(app, exit_status);
    portal::cli::add_certs_command(app, exit_status);
    portal::cli::add_status_command(app, exit_status);
    portal::cli::add_switchover_command(app, exit_status);
    portal::cli::add_drain_command(app, exit_status);
    try {
        app.parse(argc, argv);
    } catch (const CLI::RequiredError& error) {
        if (!portal::cli::tell_subcommand_names(app)) {
            app.exit(error);
        }
        return kWrongUse;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : kWrongUse;
    }
    return exit_status;
}
