// Ceilings for every length, count, depth and line that a peer can send. Nothing is allocated for a length that is only
// announced. Values are redis-server 7.0's own unless a comment says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

namespace portal::resp {

/// For what clients send.
struct RequestLimits {
    std::size_t line = 64 * 1024;                          // inline request, or the line that announces a length
    std::int64_t arguments = 2147483647;                   // "*N"
    std::int64_t bulk = 512LL * 1024 * 1024;               // "$N"; proto-max-bulk-len
    std::uint64_t request = 512ULL * 1024 * 1024 + 65536;  // a whole request, ours: limits.request_bytes
    bool authenticated = true;  // false: at most 10 arguments of 16384 bytes, as redis-server does
};

/// For what nodes send. Nesting of announced lengths costs the scanner nothing and has no limit: a script can make
/// redis-server send arrays some thousands deep, which must not cost other clients their link.
struct ReplyLimits {
    std::int64_t line = 512LL * 1024 * 1024;       // status, error, number; a script can return an error of any length
    std::int64_t bulk = 4LL * 1024 * 1024 * 1024;  // one string
    std::size_t depth = 32;                        // streamed aggregates ("*?") inside each other; at most 32
};

}  // namespace portal::resp
