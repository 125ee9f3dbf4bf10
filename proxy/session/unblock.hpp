// CLIENT UNBLOCK: the client waits inside a node, on a connection that only that node numbers, so the shard that serves
// the client asks the node that it waits at.
#pragma once

#include "upstream/link_setup.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace portal::session {

struct SessionContext;

struct UnblockRequest {
    std::uint64_t client = 0;      // the portal's number
    bool fails = false;            // it gets an error, else what it gets when its time is over
    upstream::LinkIdentity asker;  // whose link carries the command to the node
};

/// `answer` is called on the shard of `context`, once, with the answer as RESP: the node's own, or 0 where that client
/// does not wait in a node.
void unblock_client(SessionContext& context, UnblockRequest request,
                    std::function<void(SessionContext&, const std::string&)> answer);

}  // namespace portal::session
