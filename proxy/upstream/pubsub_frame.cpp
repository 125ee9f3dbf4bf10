#include "upstream/pubsub_frame.hpp"

#include <array>
#include <charconv>
#include <optional>

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

/// "<type><digits>\r\n" at the front of `rest`, which is shortened by it.
std::optional<std::size_t> take_size(std::string_view& rest, char type) {
    const std::size_t end = rest.find("\r\n");
    if (rest.empty() || rest.front() != type || end == std::string_view::npos) {
        return std::nullopt;
    }
    std::size_t size = 0;
    const auto [last, error] = std::from_chars(rest.data() + 1, rest.data() + end, size);
    if (error != std::errc{} || last != rest.data() + end) {
        return std::nullopt;
    }
    rest.remove_prefix(end + 2);
    return size;
}

std::optional<std::string_view> take_bulk(std::string_view& rest) {
    const auto size = take_size(rest, '$');
    if (!size || rest.size() < 2 || rest.size() - 2 < *size) {
        return std::nullopt;
    }
    const std::string_view bytes = rest.substr(0, *size);
    rest.remove_prefix(*size + 2);
    return bytes;
}

}  // namespace

PubSubFrame read_pubsub_frame(std::string_view frame) noexcept {
    std::string_view rest = frame;
    if (frame.empty() || (frame.front() != '>' && frame.front() != '*') || !take_size(rest, frame.front())) {
        return {};
    }
    const auto word = take_bulk(rest);
    const auto name = word ? take_bulk(rest) : std::nullopt;
    if (!name) {
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
