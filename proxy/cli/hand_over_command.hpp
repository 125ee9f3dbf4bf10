// redis-portal hand-over: tells the agent beside a node that the node is about to stop.
#pragma once

#include <CLI/App.hpp>

namespace portal::cli {

void add_hand_over_command(CLI::App& app, int& exit_status);

}  // namespace portal::cli
