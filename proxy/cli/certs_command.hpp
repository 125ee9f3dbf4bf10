// `redis-portal certs`: makes a CA and certificates, and says what a certificate file holds.
#pragma once

#include <CLI/App.hpp>

namespace portal::cli {

/// Registers `certs init` and `certs show`. They leave 0 or 1 in `exit_status`, which must outlive the parse.
void add_certs_command(CLI::App& app, int& exit_status);

}  // namespace portal::cli
