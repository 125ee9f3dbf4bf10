// What a session keeps while it waits for the rest of something. Values only; one shard.
#pragma once

#include "conversation/lost_request.hpp"

#include <cstdint>

namespace portal::session {

using namespace conversation;  // the decisions of a session; it carries them out

}  // namespace portal::session
