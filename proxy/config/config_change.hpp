// Which keys differ between two configurations, and which of those a running portal cannot take over. Pure.
#pragma once

#include "config/upkeep_config.hpp"

#include <string>
#include <vector>

namespace portal::config {

/// Paths such as limits.sessions or listen[0].tls.key, in the order of the reference. A secret that changed inside its
/// file stands as the key that names the file.
struct ConfigChange {
    std::vector<std::string> reloadable;
    std::vector<std::string> restart;
};

ConfigChange compare(const PortalFile& running, const PortalFile& wanted);

/// "a", "a and b", "a, b and c".
std::string list_in_words(const std::vector<std::string>& paths);

}  // namespace portal::config
