// redis-portal: the command line. Each subcommand stands in a file of its own below cli/.
#include "certs/record_buffers.hpp"
#include "cli/agent_command.hpp"
#include "cli/certs_command.hpp"
#include "cli/check_command.hpp"
#include "cli/demo_command.hpp"
#include "cli/drain_command.hpp"
#include "cli/hand_over_command.hpp"
#include "cli/identity_command.hpp"
#include "cli/serve_command.hpp"
#include "cli/status_command.hpp"
#include "cli/subcommand_names.hpp"
#include "cli/switchover_command.hpp"
#include "observe/exporter.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <openssl/crypto.h>

int main(int argc, char** argv) {
    portal::certs::keep_record_buffers();
    constexpr int kWrongUse = 2;
    int exit_status = 0;
    CLI::App app("A TLS front for Redis that knows who leads, and carries clients through a failover.", "redis-portal");
    app.set_version_flag("--version", portal::observe::version_text(OpenSSL_version(OPENSSL_VERSION_STRING)));
    app.require_subcommand(1);
    portal::cli::add_serve_command(app, exit_status);
    portal::cli::add_check_command(app, exit_status);
    portal::cli::add_agent_command(app, exit_status);
    portal::cli::add_demo_command(app, exit_status);
    portal::cli::add_certs_command(app, exit_status);
    portal::cli::add_status_command(app, exit_status);
    portal::cli::add_switchover_command(app, exit_status);
    portal::cli::add_drain_command(app, exit_status);
    portal::cli::add_hand_over_command(app, exit_status);
    portal::cli::add_identity_command(app, exit_status);
    // After the subcommands, whose help would repeat it.
    app.footer(
        "Examples:\n"
        "  redis-portal demo                                        try it: nodes and portals on loopback\n"
        "  redis-portal check --config portal.yaml                  all that is wrong with the file, line by line\n"
        "  redis-portal check --config portal.yaml --print          the file with every default\n"
        "  redis-portal identity check --config portal.yaml --token FILE   as whom a token logs in\n"
        "  redis-portal serve --config portal.yaml                  run a portal\n"
        "  redis-portal status --json | jq .topology.leader         who leads\n"
        "  redis-portal status --watch                              the whole picture, again every 2 s\n"
        "  redis-portal status --check                              one line and an exit status, for a monitor\n"
        "  redis-portal switchover --to redis-1                     another leader, without losing a write\n"
        "  redis-portal drain --admin unix:/run/redis-portal/admin.sock   let the clients of that portal go\n"
        "Exit status: 0 done; 1 it did not work, or status found no leader; 2 wrong use of the command line.\n"
        "status --check: 0 well; 1 degraded; 2 no leader; 3 the portal does not answer.");
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
