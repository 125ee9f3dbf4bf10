// `redis-portal status`: asks a running portal how it and the cluster are, and prints it for people or as JSON.
#pragma once

#include "admin/status_view.hpp"

#include <string>

#include <CLI/App.hpp>

namespace portal::cli {

/// Registers the subcommand. When it runs it leaves in `exit_status`, which must outlive the parse, 0 when there is a
/// leader and 1 when there is none or the portal cannot be reached.
void add_status_command(CLI::App& app, int& exit_status);

/// The text that it prints. Control characters of names come out as '?', so that they cannot steer the terminal.
[[nodiscard]] std::string render_status(const admin::StatusView& status);

}  // namespace portal::cli
