// The table of keys as documentation: docs/use/configuration.md holds what key_reference() says, and a test compares
// the two.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace portal::config {

struct KeyRow {
    std::string path;  // as in monitor.down_after or listen[].tls.key
    std::string kind;  // what may be written, with unit and bounds
    std::string default_value;
    std::string help;
    bool is_section = false;
    bool restart = false;  // a changed value is taken over by a restart only
};

/// Every key, in the order of the file.
const std::vector<KeyRow>& key_rows();

/// Every key of the agent's file.
const std::vector<KeyRow>& agent_key_rows();

/// The section that a key of this name belongs to; empty when there is none or more than one.
std::string section_of_key(std::string_view name);

/// The reference of those rows as Markdown: one table per section.
std::string key_reference(const std::vector<KeyRow>& all_rows);

}  // namespace portal::config
