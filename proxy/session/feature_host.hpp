// What a feature of a session (its subscriptions, its tracking, ...) may ask of it. The session implements this, so
// that features know neither it nor each other. One shard; outlives its features.
#pragma once

#include "command/command_table.hpp"
#include "command/session_state.hpp"
#include "conversation/reply_sequencer.hpp"
#include "observe/shard_counters.hpp"
#include "resp/reply_writer.hpp"
#include "session/session_waits.hpp"
#include "upstream/message.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace portal::upstream {
class Link;
}

namespace portal::session {

struct SessionContext;

class FeatureHost {
  public:
    using Slot = ReplySequencer::Slot;
    using Row = command::CommandRow;

    /// Of the shard.
    [[nodiscard]] virtual SessionContext& context() noexcept = 0;
    /// What the client's connection remembers.
    [[nodiscard]] virtual command::SessionState& state() noexcept = 0;
    /// The client wants no reply to the command at hand.
    [[nodiscard]] virtual bool muted() const noexcept = 0;

    // --- the command at hand
    /// Answers it, unless the client wants no replies. Inside EXEC's answer the reply is put in its place there.
    virtual void reply(std::string bytes) = 0;
    void reply_error(std::string_view text) { reply(resp::error(text)); }
    /// Answers it whether or not the client wants replies.
    virtual void confirm(std::string bytes) = 0;
    /// Takes nothing more from the client until `wait` ends. The command stays in the input unless it was taken.
    virtual void pause(Wait wait) = 0;
    /// Why there is no leader, for the client.
    [[nodiscard]] virtual std::string_view no_leader_reason() const noexcept = 0;

    // --- requests of the client that the feature sends itself
    /// The slot for the reply to the command at hand.
    [[nodiscard]] virtual Slot open_slot() noexcept = 0;
    /// Requests of the client are unanswered on another link than `link`; if that is null, on any.
    [[nodiscard]] virtual bool in_flight_elsewhere(const upstream::Link* link) const noexcept = 0;
    /// One of `size` bytes is about to be sent; what is unanswered of a client is bounded.
    virtual void count_sent(std::size_t size) noexcept = 0;
    /// It was sent, on `link`, which is null while there is none.
    virtual void note_sent(const upstream::Link* link) = 0;
    /// It is answered with `bytes`, which go to the client in their turn.
    virtual void finish_slot(Slot slot, std::size_t size, std::string bytes) = 0;

    // --- links
    /// The one that serves this client alone, or null.
    [[nodiscard]] virtual upstream::Link* pinned_link() const noexcept = 0;
    /// Sends a request of the portal's own, whose `replies` the client does not see.
    virtual void submit_own(upstream::Link& link, std::string_view frame, std::int32_t replies) = 0;

    // --- what nobody asked for
    /// A message for the client, behind the replies that are here.
    virtual void send_message(const upstream::MessagePtr& message) = 0;
    /// The client is closed at the end of this turn.
    virtual void cut_off(observe::Closed reason) = 0;

  protected:
    ~FeatureHost() = default;
};

}  // namespace portal::session
