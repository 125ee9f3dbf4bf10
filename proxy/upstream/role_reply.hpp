// Reads a leader's answer to ROLE: its replication offset, and how far each replica has confirmed. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portal::upstream {

struct ConfirmedOffset {
    std::string host;
    std::uint16_t port = 0;
    std::uint64_t offset = 0;
};

struct LeaderRole {
    std::uint64_t offset = 0;
    std::vector<ConfirmedOffset> replicas;
};

/// `frame`: one whole reply. Nothing when the node does not lead, or says something else.
[[nodiscard]] std::optional<LeaderRole> parse_leader_role(std::string_view frame);

}  // namespace portal::upstream
