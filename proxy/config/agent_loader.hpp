// Reads a YAML file into an AgentConfig, or says everything that is wrong with it. Never throws. Blocking file reads.
#pragma once

#include "config/agent_config.hpp"
#include "config/findings.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portal::config {

struct AgentLoadResult {
    std::optional<AgentConfig> config;  // empty when there is a problem
    std::vector<Problem> problems;      // all of them, in the order of the file
};

AgentLoadResult load_agent_file(const std::string& path);
/// Relative paths inside the text start at the folder of `filename`.
AgentLoadResult load_agent_text(std::string_view text, const std::string& filename);

}  // namespace portal::config
