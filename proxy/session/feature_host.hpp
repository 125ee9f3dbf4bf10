// What a feature of a session (its subscriptions, its tracking, ...) may ask of it, so that features know neither it
// nor each other. One shard; outlives its features.
#pragma once

#include "command/command_table.hpp"
#include "command/session_state.hpp"
#include "conversation/order.hpp"
#include "observe/shard_counters.hpp"
#include "resp/reply_writer.hpp"
#include "session/client_line.hpp"
#include "session/session_waits.hpp"
#include "upstream/link_pool.hpp"
#include "upstream/message.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace portal::session {

struct SessionContext;

class FeatureHost {
  public:
    using Slot = ReplySequencer::Slot;
    using Row = command::CommandRow;

    /// The portal's number of the client.
    [[nodiscard]] virtual std::uint64_t id() const noexcept = 0;
    /// Whose links it uses.
    [[nodiscard]] virtual upstream::LinkIdentity identity() const = 0;
    /// It is gone.
    [[nodiscard]] virtual bool closed() const noexcept = 0;
    /// Of the shard.
    [[nodiscard]] virtual SessionContext& context() noexcept = 0;
    /// What the client's connection remembers.
    [[nodiscard]] virtual command::SessionState& state() noexcept = 0;
    /// The client wants no reply to the command at hand.
    [[nodiscard]] virtual bool muted() const noexcept = 0;
    virtual void mute(bool on) noexcept = 0;
    /// Its line in CLIENT LIST.
    [[nodiscard]] virtual ClientLine describe() const = 0;

    // --- the command at hand
    /// Answers it, unless the client wants no replies. Inside EXEC's answer the reply is put in its place there.
    virtual void reply(std::string bytes) = 0;
    void reply_error(std::string_view text) { reply(resp::error(text)); }
    /// Answers it with `error`, a whole frame. In a transaction the node does not know of it: its EXEC must fail.
    virtual void deny(std::string error) = 0;
    /// Answers it whether or not the client wants replies.
    virtual void confirm(std::string bytes) = 0;
    /// Others are asked for it before it is answered or sent. It is taken again then; the feature's forget() is called
    /// when it is done with.
    virtual void note_asked() noexcept = 0;
    /// Others have to be asked for the answer: takes nothing more from the client until finish_awaited(). The session
    /// may be gone before that; who answers finds it by its id.
    virtual void await_answer() = 0;
    virtual void finish_awaited(Slot slot, std::string bytes) = 0;
    /// The client has killed itself, and this is the last that it hears.
    virtual void finish_killed(Slot slot, std::string bytes) = 0;
    /// Takes nothing more from the client until `wait` ends. The command stays in the input unless it was taken.
    virtual void pause(Wait wait) = 0;
    [[nodiscard]] virtual Wait wait() const noexcept = 0;
    /// What Wait::reply waited for is there. Any other wait goes on.
    virtual void end_reply_wait() noexcept = 0;
    /// Waits for a leader, or for a link that cannot be had yet.
    virtual void wait_for_leader() = 0;
    /// Tries again if it waits so.
    virtual void retry() = 0;
    /// That wait is over in vain: what must wait longer is answered with refuse_without_leader().
    [[nodiscard]] virtual bool refusing() const noexcept = 0;
    virtual void refuse_without_leader(const Row& row) = 0;
    /// Why there is no leader, for the client.
    [[nodiscard]] virtual std::string_view no_leader_reason() const noexcept = 0;

    // --- requests of the client that the feature sends itself
    /// The slot for the reply to the command at hand.
    [[nodiscard]] virtual Slot open_slot() noexcept = 0;
    /// What is on its way, and where.
    [[nodiscard]] virtual Order& order() noexcept = 0;
    /// One was sent, on `link`, which is null while there is none; what is unanswered of a client is bounded.
    virtual void note_sent(const upstream::Link* link) = 0;
    /// It is answered with `bytes`, which go to the client in their turn.
    virtual void finish_slot(Slot slot, std::size_t size, std::string bytes) = 0;

    // --- links
    /// The one that serves this client alone, or null.
    [[nodiscard]] virtual upstream::Link* own_link() const noexcept = 0;
    /// What the client has begun needs one.
    [[nodiscard]] virtual bool needs_own_link() const noexcept = 0;
    /// The link for a request: the client's own one, leased if it has none (`own`), or the one that its requests
    /// share with those of others.
    [[nodiscard]] virtual upstream::Link& link_for(bool own) = 0;
    /// The client's own link, leased if it has none, so that what is sent now comes before anything else there.
    [[nodiscard]] virtual upstream::Link& fresh_link() = 0;
    /// Sends the command at hand, as `frame`; its reply goes to the client.
    virtual bool submit(upstream::Link& link, const Row& row, std::string_view frame) = 0;
    /// Sends a request of the portal's own, whose `replies` the client does not see.
    virtual void submit_own(upstream::Link& link, std::string_view frame, std::int32_t replies) = 0;

    // --- what nobody asked for
    /// A message for the client, behind the replies that are here.
    virtual void send_message(const upstream::MessagePtr& message) = 0;
    /// A push for the client, or what looks like one, at once.
    virtual void send_push(std::string_view frame) = 0;
    /// Something has happened to it: it is looked at when this turn ends.
    virtual void mark() = 0;
    /// The client would rather lose its connection than a message that it is not told of.
    [[nodiscard]] virtual bool closes_on_gap() noexcept = 0;
    /// The client is closed at the end of this turn.
    virtual void cut_off(observe::Closed reason) = 0;

  protected:
    ~FeatureHost() = default;
};

}  // namespace portal::session
