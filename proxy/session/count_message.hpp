// What portals tell each other of subscribers that their node does not count, as one sealed word: an HMAC-SHA256 by a
// key that all portals of a cluster have, and what it covers. Pure; every byte comes from a channel to which others may
// write.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portal::session {

/// A process of a portal; random bytes, made at its start.
using PortalId = std::string;
inline constexpr std::size_t kPortalId = 16;

/// So many listen to `name` (upstream::counted_name) beyond those whom the node counts.
struct CountChange {
    std::string name;
    std::uint32_t surplus = 0;
    bool operator==(const CountChange&) const = default;
};

struct CountMessage {
    PortalId sender;
    std::uint64_t sequence = 0;        // one more with each message of the sender
    bool asks = false;                 // whoever hears it is to say all that it has
    bool whole = false;                // what the sender has said before counts no more
    std::vector<PortalId> heard = {};  // whom the sender has heard of: nobody else believes the message
    std::vector<CountChange> changes = {};
    bool operator==(const CountMessage&) const = default;
};

/// Of one message.
inline constexpr std::size_t kMostHeard = 64;
inline constexpr std::size_t kMostChanges = 512;

using CountKey = std::array<unsigned char, 32>;

/// Made of what the portals share: the password by which they log in to the nodes.
[[nodiscard]] CountKey count_key(std::string_view secret);

[[nodiscard]] std::string seal(const CountMessage& message, const CountKey& key);
/// Nothing when it was not sealed with that key, or is not what seal() makes.
[[nodiscard]] std::optional<CountMessage> unseal(std::string_view bytes, const CountKey& key);

}  // namespace portal::session
