// All that is known of one client's conversation with Redis, apart from how it is carried: what a connection of its own
// would remember, the order of its replies, its transaction, and what came back of its requests. Pure.
#pragma once

#include "command/session_state.hpp"
#include "conversation/order.hpp"
#include "conversation/recovery.hpp"
#include "conversation/stream_ids.hpp"
#include "conversation/transaction.hpp"
#include "conversation/whole_transaction.hpp"

namespace portal::conversation {

struct Conversation {
    command::SessionState state;
    Order order;
    Transaction transaction;
    WholeTransaction unit;  // the one that travels in one piece
    Recovery recovery;
    StreamIds stream_ids;  // of the XREADs that wait
};

}  // namespace portal::conversation
