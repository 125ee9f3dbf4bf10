// Files that a configuration names: can they be read, and the secrets that some of them hold. Never quotes a content.
#pragma once

#include "config/value_rules.hpp"

#include <string>

namespace portal::config {

/// Empty when a process of this user may read the file, else a complaint.
std::string why_unreadable(const std::string& path);

/// The first line of the file, without its end of line.
Parsed<std::string> read_password(const std::string& path);
/// All bytes of the file but for one end of line at the end.
Parsed<std::string> read_secret_bytes(const std::string& path);

}  // namespace portal::config
