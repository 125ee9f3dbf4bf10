// Files that a configuration names: can they be read, and the secrets that some of them hold. Never quotes a content.
#pragma once

#include "config/value_rules.hpp"

#include <cstddef>
#include <string>

namespace portal::config {

/// Empty when a process of this user may read the file, else a complaint.
std::string why_unreadable(const std::string& path);

/// The first line of the file, without its end of line.
Parsed<std::string> read_password(const std::string& path);
/// A token of the admin port: the first line, of at least kShortestToken visible ASCII characters.
Parsed<std::string> read_token(const std::string& path);
inline constexpr std::size_t kShortestToken = 16;  // a shorter one could be guessed
/// All bytes of the file but for one end of line at the end.
Parsed<std::string> read_secret_bytes(const std::string& path);

}  // namespace portal::config
