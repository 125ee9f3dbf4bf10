// A file of users in the form of Redis's aclfile. What it holds is secret: no complaint quotes more of it than a line's
// number.
#pragma once

#include "config/value_rules.hpp"

#include <map>
#include <string>
#include <string_view>

namespace portal::config {

/// Rules by user name, from lines "user NAME RULES...". Blank lines are passed over, and those that begin with "#".
Parsed<std::map<std::string, std::string>> parse_acl_file(std::string_view text);
Parsed<std::map<std::string, std::string>> read_acl_file(const std::string& path);

}  // namespace portal::config
