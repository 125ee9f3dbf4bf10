#include "command/session_state.hpp"

#include <charconv>
#include <optional>

namespace portal::command {

namespace {

/// Walks the elements of a small array or push frame that a node sent; every read is checked.
class FrameReader {
  public:
    explicit FrameReader(std::string_view frame) : rest_(frame) {}

    std::optional<std::int64_t> number(char type) {
        if (rest_.empty() || rest_.front() != type) {
            return std::nullopt;
        }
        const std::size_t end = rest_.find("\r\n");
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        std::int64_t value = 0;
        const auto [last, error] = std::from_chars(rest_.data() + 1, rest_.data() + end, value);
        if (error != std::errc{} || last != rest_.data() + end) {
            return std::nullopt;
        }
        rest_.remove_prefix(end + 2);
        return value;
    }

    /// A bulk string; `null` is set for "$-1" and "_".
    std::optional<std::string_view> bulk(bool& null) {
        null = false;
        if (rest_.starts_with("_\r\n")) {
            rest_.remove_prefix(3);
            null = true;
            return std::string_view{};
        }
        const auto size = number('$');
        if (!size) {
            return std::nullopt;
        }
        if (*size < 0) {
            null = true;
            return std::string_view{};
        }
        const auto n = static_cast<std::size_t>(*size);
        if (rest_.size() < n + 2) {
            return std::nullopt;
        }
        const std::string_view bytes = rest_.substr(0, n);
        rest_.remove_prefix(n + 2);
        return bytes;
    }

  private:
    std::string_view rest_;
};

Handling confirmation_kind(std::string_view word) {
    if (word == "subscribe") {
        return Handling::subscribe;
    }
    if (word == "unsubscribe") {
        return Handling::unsubscribe;
    }
    if (word == "psubscribe") {
        return Handling::psubscribe;
    }
    if (word == "punsubscribe") {
        return Handling::punsubscribe;
    }
    if (word == "ssubscribe") {
        return Handling::ssubscribe;
    }
    return word == "sunsubscribe" ? Handling::sunsubscribe : Handling::plain;
}

}  // namespace

void SessionState::reset() {
    *this = SessionState{};
}

PubSubFrame classify_pubsub(std::string_view frame, Confirmation& confirmation) noexcept {
    FrameReader reader(frame);
    if (frame.empty() || (frame.front() != '*' && frame.front() != '>') || !reader.number(frame.front())) {
        return PubSubFrame::reply;
    }
    bool null = false;
    const auto word = reader.bulk(null);
    if (!word || null) {
        return PubSubFrame::reply;
    }
    if (*word == "message" || *word == "pmessage" || *word == "smessage" || *word == "invalidate") {
        return PubSubFrame::message;
    }
    confirmation.kind = confirmation_kind(*word);
    if (confirmation.kind == Handling::plain) {
        return frame.front() == '>' ? PubSubFrame::message : PubSubFrame::reply;
    }
    const auto name = reader.bulk(confirmation.none);
    const auto remaining = name ? reader.number(':') : std::nullopt;
    if (!remaining) {
        return PubSubFrame::reply;
    }
    confirmation.name = *name;
    confirmation.remaining = *remaining;
    return PubSubFrame::confirmation;
}

void apply(Subscriptions& subscriptions, const Confirmation& confirmation) {
    if (confirmation.none) {
        return;
    }
    const auto remove = [&](auto& names) {
        if (const auto found = names.find(confirmation.name); found != names.end()) {
            names.erase(found);
        }
    };
    switch (confirmation.kind) {
        case Handling::subscribe:
            subscriptions.channels.emplace(confirmation.name);
            break;
        case Handling::psubscribe:
            subscriptions.patterns.emplace(confirmation.name);
            break;
        case Handling::ssubscribe:
            subscriptions.shard_channels.emplace(confirmation.name);
            break;
        case Handling::unsubscribe:
            remove(subscriptions.channels);
            break;
        case Handling::punsubscribe:
            remove(subscriptions.patterns);
            break;
        case Handling::sunsubscribe:
            remove(subscriptions.shard_channels);
            break;
        default:
            break;
    }
}

}  // namespace portal::command
