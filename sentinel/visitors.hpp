// Who else works on a node, by the names that connections have there: monitors of portals that keep another record, and
// sentinels. Two that change roles by records of their own work against each other. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace portal::sentinel {

/// A monitor's connection.
struct Visitor {
    std::string record;  // Record::id
    std::string portal;
    bool operator==(const Visitor&) const = default;
};
struct Visitors {
    std::vector<Visitor> monitors;
    std::vector<std::string> sentinels;  // addresses
};

/// What the connections of a monitor call themselves; nothing while the record has no id.
std::string connection_name(std::string_view record, std::string_view portal);
/// Of the text of CLIENT LIST. Each is named once.
Visitors visitors_of(std::string_view client_list);
/// Those whose record is another one; none while `record` is not known.
std::vector<Visitor> strangers_among(const std::vector<Visitor>& monitors, std::string_view record);

/// What an operator reads of a portal that keeps another record.
std::string stranger_sentence(const std::string& node, const Visitor& stranger);
std::string sentinel_sentence(const std::string& node, const std::string& address);

}  // namespace portal::sentinel
