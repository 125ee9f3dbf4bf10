// Who of the contenders can be judged now.
#pragma once

#include "replication/candidate.hpp"

#include <string>
#include <vector>

namespace portal::replication {

/// It has reported, and has its data in memory.
bool ready(const Contender& contender);
/// The nodes that may hold data but cannot say so now, each with what keeps it. `only_in_sync`: of those in sync.
std::vector<std::string> not_ready(const std::vector<Contender>& contenders, bool only_in_sync);
/// `a, b and c`.
std::string joined(const std::vector<std::string>& names);

}  // namespace portal::replication
