// `redis-portal identity check`: a dry run of a login by token. Never prints the token.
#pragma once

#include <CLI/App.hpp>

namespace portal::cli {

/// Registers the subcommand. When it runs it leaves 0 or 1 in `exit_status`, which must outlive the parse.
void add_identity_command(CLI::App& app, int& exit_status);

}  // namespace portal::cli
