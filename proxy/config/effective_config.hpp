// The configuration that a portal runs with, defaults included, as YAML that loads again. Secrets are masked.
#pragma once

#include "config/config.hpp"

#include <string>

namespace portal::config {

std::string effective_yaml(const Config& config);

}  // namespace portal::config
