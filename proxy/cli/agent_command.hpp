// redis-portal agent: runs beside one Redis node.
#pragma once

#include <CLI/App.hpp>

namespace portal::cli {

void add_agent_command(CLI::App& app, int& exit_status);

}  // namespace portal::cli
