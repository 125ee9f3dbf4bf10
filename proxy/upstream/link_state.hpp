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
    [[nodiscard]] bool answered(Effect effect, const resp::ReplyHead& reply, bool free_text) noexcept;

    /// It may serve nobody else, for a reason of the holder's.
    void taint() noexcept { tainted_ = true; }

    /// Between a MULTI that was accepted and what the node has said to be its end.
    [[nodiscard]] bool in_transaction() const noexcept { return in_transaction_; }
    /// Keys are watched here: a WATCH was accepted, and nothing that was accepted since has ended it.
    [[nodiscard]] bool watching() const noexcept { return watching_; }
    /// Nothing is left of whoever used the connection before. Holds only while every request has been answered.
    [[nodiscard]] bool fit_for_reuse() const noexcept { return !tainted_ && !in_transaction_ && !watching_; }

  private:
    [[nodiscard]] bool may_accept(Effect effect, const resp::ReplyHead& reply) const noexcept;

    bool in_transaction_ = false;
    bool watching_ = false;
    bool tainted_ = false;  // for good
};

}  // namespace portal::upstream
