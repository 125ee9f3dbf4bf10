// A request that came back, and why no further one is taken meanwhile. Values only.
#pragma once

#include "replication/topology.hpp"
#include "upstream/pending_queue.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace portal::conversation {

/// Why no further command is taken from the input.
enum class Wait : std::uint8_t {
    nothing,
    drained,    // until everything sent is answered: the next command goes elsewhere
    delivered,  // until all replies have gone out: the next command may be answered with anything
    reply,      // for the answer that decides what comes next (AUTH, HELLO, SELECT)
    window,     // too much is in flight
    output,     // the client does not read
    link,       // the link does not take more of a large request
    leader,     // for a leader
    paused,     // for the end of a CLIENT PAUSE
};

/// A request that came back: its link was lost, or the node said that it does not lead.
struct Lost {
    upstream::PendingRequest request;
    std::string command;
    bool sent = false;                                // and perhaps executed
    std::string refusal;                              // the node's answer, which says that it was not executed
    std::string answer{};                             // of a read that is asked again behind one that was refused
    replication::Epoch epoch{0};                      // when it came back; zero: its leader went with the link
    std::chrono::steady_clock::duration worked_on{};  // see upstream::Loss
    std::chrono::steady_clock::time_point refused_at{};
};

/// In the order of their slots. Allocates nothing while it is empty, as it is for nearly every client.
using LostRequests = std::vector<Lost>;

}  // namespace portal::conversation
