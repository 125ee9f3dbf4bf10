// Proven writes of one client. A reply to a write waits until the replicas that may be promoted have confirmed it; what
// the same client asked for behind it waits in its slot. While nobody confirms, new writes are not sent. One shard.
#pragma once

#include "conversation/parked_replies.hpp"
#include "net/turn.hpp"
#include "resp/request_view.hpp"
#include "session/session_part.hpp"
#include "upstream/pending_queue.hpp"

#include <string_view>

namespace portal::session {

class Proofs final : public SessionPart {
  public:
    using SessionPart::SessionPart;

    // --- replies
    /// The reply acknowledges a write. Errors acknowledge nothing, nor does QUEUED, an EXEC that was called off, or a
    /// blocked pop that got nothing.
    [[nodiscard]] bool acknowledges(const upstream::PendingRequest& request, const Row& row,
                                    const resp::ReplyHead& reply, bool queued) const noexcept;
    /// A complete reply that must not go out yet. False: it may.
    bool park(const upstream::PendingRequest& request, std::string_view bytes);
    [[nodiscard]] const ParkedReplies& parked() const noexcept { return parked_; }

    // --- what becomes of those that are parked
    /// Those up to this ticket are proven.
    void release(upstream::Ticket proven);
    /// None of them can be proven any more.
    void lose();
    /// Those that have waited since then have waited too long.
    void expire(net::Turn::Clock::time_point since);
    /// The client is gone.
    void drop();

    // --- new writes
    /// The command at hand must not be sent while nobody confirms writes. A transaction is stopped where it would take
    /// effect, or where it begins if it travels whole.
    [[nodiscard]] bool must_await(const Row& row) const noexcept;
    /// Waits until writes are confirmed again. True: the hold is over, and the command was answered.
    bool await(const Row& row, const resp::RequestView& request);
    /// The client waits for a leader, if at all.
    void stop_awaiting() noexcept { awaiting_ = false; }
    /// Held for more than a leader: until writes are confirmed, or until what is to be sent again can be.
    [[nodiscard]] bool must_stay_held() const;

  private:
    void pop();

    ParkedReplies parked_;
    bool awaiting_ = false;  // held until writes are confirmed, not for a leader
};

}  // namespace portal::session
