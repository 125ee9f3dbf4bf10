// Names of nodes whose addresses lead to one and the same process. Such an error of the configuration, or of a name
// server, must not make a process follow itself or count as a change of leader. Pure.
#pragma once

#include "sentinel/view.hpp"

#include <optional>
#include <string>
#include <vector>

namespace portal::sentinel {

/// Of the nodes that answer as the same process (one run_id), one stays as it is: the one under whose name the record
/// knows the process; of equals the recorded leader, then the first in the configuration. Each other one says whose
/// process it reached (NodeView::twin_of) and counts as a node that does not answer, since `since`.
void set_twins_apart(std::vector<NodeView>& nodes, const std::optional<Record>& record, TimePoint since);

/// The error that names both.
std::string twins_sentence(const std::string& name, const std::string& twin);

}  // namespace portal::sentinel
