// Logins by token of one shard, by issuer. As ShardCounters: written by the shard's thread only, read by any.
#pragma once

#include "observe/shard_counters.hpp"

#include <array>
#include <cstddef>

namespace portal::observe {

struct IssuerCounters {
    Counter accepted;
    Counter refused;
    Counter sessions;  // gauge: logged in with a token of that issuer
};

/// One for each issuer that this process has ever had, as far as there is room. The first one stands for all others and
/// for tokens that name none, so the labels of metrics are bounded.
using LoginCounters = std::array<IssuerCounters, 33>;

}  // namespace portal::observe
