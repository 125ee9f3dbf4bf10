// What a frame on a subscription link is: a message, a confirmation, or the reply to an ordinary request. Pure; every
// byte comes from a node and is checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace portal::upstream {

/// SUBSCRIBE, PSUBSCRIBE and SSUBSCRIBE.
enum class SubscriptionKind : std::uint8_t { channel, pattern, shard_channel };

struct PubSubFrame {
    enum class Type : std::uint8_t { reply, message, subscribed, unsubscribed };
    Type type = Type::reply;
    SubscriptionKind kind = SubscriptionKind::channel;
    /// What was subscribed to: a channel or a pattern. Lives as long as the frame.
    std::string_view name;
};

/// Reads `frame`, one whole array of RESP2 or push of RESP3. Anything that is no message and no confirmation is a
/// reply.
[[nodiscard]] PubSubFrame read_pubsub_frame(std::string_view frame) noexcept;

/// "SUBSCRIBE", or "UNSUBSCRIBE" and the like.
[[nodiscard]] std::string_view subscribe_word(SubscriptionKind kind) noexcept;
[[nodiscard]] std::string_view unsubscribe_word(SubscriptionKind kind) noexcept;

}  // namespace portal::upstream
