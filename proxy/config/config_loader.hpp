// Reads a YAML file into a Config, or says everything that is wrong with it. Never throws; no message holds a secret.
// Blocking file reads; not for a shard's thread.
#pragma once

#include "config/config.hpp"
#include "config/findings.hpp"
#include "config/upkeep_config.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portal::config {

struct LoadResult {
    std::optional<Config> config;   // empty when there is a problem
    Upkeep upkeep;                  // the rest of the same file
    std::vector<Problem> problems;  // all of them, in the order of the file
    Findings findings;              // for later checks: where(path) is the place of a key such as listen[0].tls.key
};

LoadResult load_file(const std::string& path);
/// Relative paths inside the text start at the folder of `filename`.
LoadResult load_text(std::string_view text, const std::string& filename);

/// "FILE:LINE: message", as compilers write it, so that editors can jump there.
std::string format_problem(const std::string& filename, const Problem& problem);

}  // namespace portal::config
