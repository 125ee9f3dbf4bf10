// Asks the members of a local cluster how they are: one connection per question, blocking, with a time limit.
// For start-up only; the portals' own monitoring is in sentinel/.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace portal::demo {

/// What a node says of its replication.
struct NodeAnswer {
    bool leader = false;
    bool link_up = false;          // of a replica: its link to its leader
    unsigned online_replicas = 0;  // of a leader
};

/// Empty when the node does not answer within a second, is loading, or refuses the password.
std::optional<NodeAnswer> ask_node(std::uint16_t port, const std::string& password);

/// True when a TLS client that trusts `ca_file` and verifies 127.0.0.1 gets PONG through the portal within two seconds.
bool portal_answers(std::uint16_t port, const std::filesystem::path& ca_file, const std::string& password);

/// True when nothing listens on 127.0.0.1:port.
bool port_is_free(std::uint16_t port);

}  // namespace portal::demo
