// What a session keeps while it waits for the rest of something. Values only; one shard.
#pragma once

#include "conversation/lost_request.hpp"

#include <cstdint>

namespace portal::session {

using namespace conversation;  // the decisions of a session; it carries them out

/// What becomes of the rest of a request that was too large to be gathered.
enum class Large : std::uint8_t {
    nothing,    // there is none
    forwarded,  // it goes to the pinned link as it comes
    swallowed,  // it was answered already
    broken,     // the client broke the protocol inside it
};

}  // namespace portal::session
