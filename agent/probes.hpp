// What the kubelet is told about the node beside the agent. Pure: replies in, verdicts out.
#pragma once

#include "sentinel/control_link.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace portal::agent {

struct Verdict {
    bool good = false;
    std::string reason;  // of a bad one
};

/// Of the reply to PING. Any reply is a sign of life: a node that loads, runs a script or cannot write its disk would
/// lose its data for nothing if it were started anew. Only silence, no listener and what is no Redis server are bad.
[[nodiscard]] Verdict alive(const std::vector<sentinel::Reply>& replies);

/// Of the replies to PING and INFO replication. +PONG, and a replica has a link to its leader, or lost it less than
/// `link_down` ago.
[[nodiscard]] Verdict ready(const std::vector<sentinel::Reply>& replies, std::chrono::milliseconds link_down);

}  // namespace portal::agent
