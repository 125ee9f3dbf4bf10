#include "upstream/pubsub_frame.hpp"

#include "resp/reply_view.hpp"

#include <array>

namespace portal::upstream {

namespace {

using Type = PubSubFrame::Type;

struct Word {
    std::string_view word;
    Type type;
    SubscriptionKind kind;
};
constexpr std::array<Word, 9> kWords{{
    {"message", Type::message, SubscriptionKind::channel},
    {"pmessage", Type::message, SubscriptionKind::pattern},
    {"smessage", Type::message, SubscriptionKind::shard_channel},
    {"subscribe", Type::subscribed, SubscriptionKind::channel},
    {"psubscribe", Type::subscribed, SubscriptionKind::pattern},
    {"ssubscribe", Type::subscribed, SubscriptionKind::shard_channel},
    {"unsubscribe", Type::unsubscribed, SubscriptionKind::channel},
    {"punsubscribe", Type::unsubscribed, SubscriptionKind::pattern},
    {"sunsubscribe", Type::unsubscribed, SubscriptionKind::shard_channel},
}};

}  // namespace

PubSubFrame read_pubsub_frame(std::string_view frame) noexcept {
    if (!frame.starts_with('>') && !frame.starts_with('*')) {
        return {};
    }
    auto parts = resp::ReplyView::whole(frame).elements();
    const auto word = parts.next().text();
    const auto name = parts.next().text();
    if (!word || !name) {
        return {};
    }
    for (const Word& each : kWords) {
        if (each.word == *word) {
            return {each.type, each.kind, *name};
        }
    }
    return {};
}

std::string_view subscribe_word(SubscriptionKind kind) noexcept {
    constexpr std::array<std::string_view, 3> words{"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"};
    return words[static_cast<std::size_t>(kind)];
}

std::string_view unsubscribe_word(SubscriptionKind kind) noexcept {
    constexpr std::array<std::string_view, 3> words{"UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"};
    return words[static_cast<std::size_t>(kind)];
}

}  // namespace portal::upstream
