// Checks that look at more than one key. Each is skipped when a key that it looks at was already refused.
#pragma once

#include "config/agent_config.hpp"
#include "config/findings.hpp"
#include "config/upkeep_config.hpp"

namespace portal::config {

void check_consistency(const PortalFile& file, Findings& findings);

/// Both kinds of check for the agent's file.
void check_agent(const AgentConfig& config, Findings& findings);

/// Reads the password and secret files that the configuration names into it.
void read_secrets(Config& config, Findings& findings);

}  // namespace portal::config
