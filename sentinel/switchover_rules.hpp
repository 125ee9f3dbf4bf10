// Who may take over in a planned change of leader, and why nobody may. Pure.
#pragma once

#include "sentinel/view.hpp"

#include <string>

namespace portal::sentinel {

/// As a target of a switchover, which waits until it has all data: by priority, then by data.
bool goes_before(const replication::NodeReport& a, const replication::NodeReport& b);

/// Why nobody of those that are `wanted` (empty: all) may take over: `replica-priority` 0. Empty when one may.
std::string who_is_barred(const View& view, const std::string& wanted);

/// The newest fresh login of the monitor was refused there.
bool refuses_login(const NodeView& node);

/// A change of leader needs new connections to the leader and to a node that may take over (`wanted`; empty: any). The
/// sentence that says who would refuse them; empty when nobody would.
std::string who_refuses_login(const View& view, const std::string& wanted);

}  // namespace portal::sentinel
