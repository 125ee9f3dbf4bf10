// On a port for reads each shard has a replica of its own, and a cursor means something to the replica alone that gave
// it. An iteration that is carried on by another connection may come to another shard: that one has the shard ask whose
// replica it is. What is posted names the session by its id. Used by sessions; each shard's own thread.
#pragma once

#include "resp/request_view.hpp"
#include "session/feature_host.hpp"

namespace portal::session {

/// `request`, a SCAN or one of its kin outside of a transaction, carries the mark of another process. Nothing further
/// is taken from the client before it is answered: by that process, or with an error where no shard is routed to it.
void ask_where_it_began(FeatureHost& host, const resp::RequestView& request);

}  // namespace portal::session
