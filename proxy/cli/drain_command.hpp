// `redis-portal drain`: tells a running portal to let its clients go and end.
#pragma once

#include <CLI/App.hpp>

namespace portal::cli {

/// Registers the subcommand. When it runs it leaves 0 or 1 in `exit_status`, which must outlive the parse.
void add_drain_command(CLI::App& app, int& exit_status);

}  // namespace portal::cli
