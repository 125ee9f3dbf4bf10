// Asks the members of a local cluster how they are: one connection per question, blocking, with a time limit.
// For start-up only; the portals' own monitoring is in sentinel/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace portal::demo {

/// Whether a node leads, as it says itself. Empty when it does not answer within a second, is loading, or refuses the
/// password.
std::optional<bool> node_leads(std::uint16_t port, const std::string& password);

/// True when the portal with that admin port routes to a leader and counts `nodes` nodes as in sync, the leader
/// included.
bool portal_sees_all_in_sync(std::uint16_t admin_port, std::size_t nodes);

/// True when a TLS client that trusts `ca_file` and verifies 127.0.0.1 gets PONG through the portal within two seconds.
bool portal_answers(std::uint16_t port, const std::filesystem::path& ca_file, const std::string& password);

/// True when nothing listens on 127.0.0.1:port.
bool port_is_free(std::uint16_t port);

}  // namespace portal::demo
