// The configuration of `redis-portal agent`, which runs beside one Redis node. Defaults and units stand in the
// declarations; bounds and help texts stand in agent_keys.hpp. Knows no YAML. Immutable once loaded.
#pragma once

#include "config/config.hpp"

#include <optional>
#include <string>

namespace portal::config {

/// The node beside the agent. The password file is read anew for each connection, so that a changed password counts.
struct AgentRedis {
    Address address{"127.0.0.1", 6379};
    std::optional<NodeTls> tls;
    std::optional<std::string> username;
    std::optional<std::string> password_file;
};

struct AgentProbes {
    Milliseconds answer_time{2000};
    Milliseconds link_down{10000};  // a replica that lost its leader stays ready for this long
};

/// Giving the leadership away before the node stops.
struct AgentHandOver {
    std::optional<Address> listen;  // goes with token_file
    std::optional<std::string> token_file;
    std::optional<std::string> socket;
    Milliseconds time{20000};
};

struct AgentConfig {
    AgentRedis redis;
    Address listen{"0.0.0.0", 9121};
    std::string data = "/data";
    AgentProbes probes;
    AgentHandOver hand_over;
    Log log;
};

}  // namespace portal::config
