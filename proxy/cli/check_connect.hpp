// `check --connect`: tries what the configuration names, as serve would, and changes nothing: every node with its TLS,
// its login and what it says of itself, the arbiter, and how long the certificates last. Blocks for some seconds.
#pragma once

#include "config/config_loader.hpp"

#include <string>
#include <vector>

namespace portal::cli {

struct Trial {
    std::vector<std::string> good;     // one sentence for each thing that works
    std::vector<std::string> remarks;  // works, and will not for long or not as people may think
};

/// What does not work is added to `findings`, at the key that names it.
[[nodiscard]] Trial try_connections(const config::Config& config, config::Findings& findings);

}  // namespace portal::cli
