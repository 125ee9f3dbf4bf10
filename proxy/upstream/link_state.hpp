// What one connection to a node carries beside its login, as far as that is known from what was sent and what the node
// has answered. Whoever takes a connection over asks fit_for_reuse(); what is not known counts as unfit. Pure.
#pragma once

#include "resp/reply_piece.hpp"

#include <cstdint>

namespace portal::upstream {

/// What a command does to the connection that carries it, if the node accepts it.
enum class Effect : std::uint8_t {
    lasting,  // leaves something behind, or may: login, protocol, subscriptions, tracking, or nobody knows what
    none,
    multi,
    exec,
    discard,
    watch,
    unwatch,
};

class LinkState {
  public:
    /// The node has answered a command of that effect with `reply`. `free_text`: the answer to what runs code of
    /// others may look like anything. False: no node that understands the protocol answers so here; what comes next
    /// on this connection can be believed no more.
    [[nodiscard]] bool answered(Effect effect, const resp::ReplyHead& reply, bool free_text) noexcept {
        const bool ordinary = effect == Effect::none && !in_transaction() && !is_queued(reply);
        return ordinary || judge(effect, reply, free_text);
    }

    /// It may serve nobody else, for a reason of the holder's.
    void taint() noexcept { carried_ |= kTainted; }

    /// Between a MULTI that was accepted and what the node has said to be its end.
    [[nodiscard]] bool in_transaction() const noexcept { return (carried_ & kTransaction) != 0; }
    /// Keys are watched here: a WATCH was accepted, and nothing that was accepted since has ended it.
    [[nodiscard]] bool watching() const noexcept { return (carried_ & kWatch) != 0; }
    /// Nothing is left of whoever used the connection before. Holds only while every request has been answered.
    [[nodiscard]] bool fit_for_reuse() const noexcept { return carried_ == 0; }

  private:
    static constexpr std::uint8_t kTransaction = 1;
    static constexpr std::uint8_t kWatch = 2;
    static constexpr std::uint8_t kTainted = 4;  // for good

    /// What an answer says became of the command.
    enum class Outcome : std::uint8_t {
        accepted,
        queued,
        refused,
        aborted,        // EXEC: the transaction has ended, nothing was executed
        without_multi,  // EXEC, DISCARD: there is no transaction
    };
    struct Change;
    static const Change kChanges[];

    [[nodiscard]] static bool is_queued(const resp::ReplyHead& reply) noexcept {
        return reply.type() == '+' && reply.bytes().starts_with("+QUEUED\r\n");
    }
    [[nodiscard]] bool judge(Effect effect, const resp::ReplyHead& reply, bool free_text) noexcept;
    [[nodiscard]] bool may_accept(Effect effect, const resp::ReplyHead& reply) const noexcept;
    [[nodiscard]] static Outcome outcome_of(Effect effect, const resp::ReplyHead& reply) noexcept;

    std::uint8_t carried_ = 0;
};

}  // namespace portal::upstream
