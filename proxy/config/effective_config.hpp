// The configuration that a portal runs with, defaults included, as YAML that loads again. Secrets are masked.
#pragma once

#include "config/upkeep_config.hpp"

#include <string>

namespace portal::config {

std::string effective_yaml(const Config& config, const Upkeep& upkeep = {});

}  // namespace portal::config
