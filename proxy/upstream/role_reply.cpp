#include "upstream/role_reply.hpp"

#include "resp/reply_view.hpp"
#include "resp/words.hpp"

#include <limits>
#include <utility>

namespace portal::upstream {

namespace {

/// More replicas than any leader feeds.
constexpr std::size_t kMostReplicas = 1024;

/// As ROLE writes the port and the offset of a replica: digits in a string.
std::optional<std::uint64_t> count_in(const resp::ReplyView& value) {
    const auto number = resp::to_integer(value.text().value_or(""));
    return number && *number >= 0 ? std::optional(static_cast<std::uint64_t>(*number)) : std::nullopt;
}

std::optional<ConfirmedOffset> read_replica(const resp::ReplyView& described) {
    auto parts = described.elements();
    if (parts.left() != 3) {
        return std::nullopt;
    }
    const auto host = parts.next().text();
    const auto port = count_in(parts.next());
    const auto offset = count_in(parts.next());
    if (!host || !port || *port > std::numeric_limits<std::uint16_t>::max() || !offset) {
        return std::nullopt;
    }
    return ConfirmedOffset{std::string(*host), static_cast<std::uint16_t>(*port), *offset};
}

}  // namespace

std::optional<LeaderRole> parse_leader_role(std::string_view frame) {
    auto parts = resp::ReplyView::whole(frame).elements();
    if (parts.left() != 3 || parts.next().text() != "master") {
        return std::nullopt;
    }
    const auto offset = parts.next().integer();
    const auto described = parts.next();
    auto replicas = described.elements();
    if (!offset || *offset < 0 || described.type() != '*' || replicas.left() > kMostReplicas) {
        return std::nullopt;
    }
    LeaderRole role;
    role.offset = static_cast<std::uint64_t>(*offset);
    while (replicas.left() > 0) {
        auto replica = read_replica(replicas.next());
        if (!replica) {
            return std::nullopt;
        }
        role.replicas.push_back(std::move(*replica));
    }
    return role;
}

}  // namespace portal::upstream
