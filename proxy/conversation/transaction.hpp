// The transaction of one client, and its watched keys: on a link of its own from MULTI to EXEC, or whole, in one piece,
// on a shared link. As long as no EXEC may have run, nothing of it was executed: then it is sent again as it was, to
// the next leader, and the client need not notice. With WATCH that would be a guess, so EXEC answers nil; and where no
// copy of it is kept, EXECABORT. What the node thinks is known from its answers alone (upstream::LinkState). Pure.
#pragma once

#include "command/command_table.hpp"
#include "command/transaction_phase.hpp"
#include "conversation/fate.hpp"
#include "conversation/lost_request.hpp"
#include "conversation/queued_commands.hpp"
#include "conversation/reply_sequencer.hpp"
#include "conversation/transaction_copy.hpp"
#include "upstream/link_state.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace portal::conversation {

class Transaction {
  public:
    using Slot = ReplySequencer::Slot;
    using Phase = command::TransactionPhase;
    using Row = command::CommandRow;
    /// What the client's own link carries; null: it has none.
    using Link = const upstream::LinkState*;

    // --- what it is
    [[nodiscard]] Phase phase() const noexcept { return phase_; }
    [[nodiscard]] bool active() const noexcept { return phase_ != Phase::none; }
    [[nodiscard]] bool open() const noexcept { return phase_ == Phase::open; }
    /// WATCH was sent; what ends it is for the link to tell.
    [[nodiscard]] bool watching() const noexcept { return watching_; }
    /// The link of an accepted WATCH was lost: the next EXEC answers nil.
    [[nodiscard]] bool watch_broken() const noexcept { return watch_broken_; }
    /// A command of it was refused by the portal, which the node does not know.
    [[nodiscard]] bool denied() const noexcept { return denied_; }
    /// It needs a link of the client's own.
    [[nodiscard]] bool needs_link() const noexcept {
        return phase_ == Phase::open || phase_ == Phase::exec_sent || watching_;
    }
    [[nodiscard]] QueuedCommands& queued() noexcept { return queued_; }
    [[nodiscard]] const QueuedCommands& queued() const noexcept { return queued_; }
    /// True of the requests on the client's own link, from MULTI to EXEC.
    [[nodiscard]] bool contains(const upstream::PendingRequest& request) const noexcept;
    /// The node is in a transaction of this client when the client believes to be in one, and not else. Only while
    /// nothing is on its way.
    [[nodiscard]] bool agrees(const upstream::LinkState& link) const noexcept {
        return link.in_transaction() == (phase_ == Phase::open);
    }

    // --- what the client asks for
    /// MULTI is sent on the client's own link; `slot` awaits its answer.
    void begin(Slot slot);
    /// MULTI where it is known already that EXEC must fail: a WATCH was broken, or no write can be proven now.
    /// `unserved`: because nobody leads. Refused, it would have what follows run outside of it; so it is told that it
    /// is open, and EXEC says why nothing of it ran.
    void begin_broken(Slot slot, bool unserved = false);
    void deny() noexcept { denied_ = denied_ || active(); }
    void send_exec() noexcept { phase_ = Phase::exec_sent; }
    /// An EXEC behind a command that was denied: the node is told to discard what it has queued.
    void send_discard_for_exec();
    void send_watch() noexcept { watching_ = true; }
    /// A WATCH is refused, since nobody leads: a transaction behind it must not run unwatched.
    void refuse_watch() noexcept { watch_broken_ = true; }
    /// It ends, and the client hears so from the portal.
    void forget();
    /// EXEC was answered, and the portal has done its parts.
    void finish(Link link);
    /// What a client in a broken transaction hears, whose link was lost before its EXEC. Nothing: not about that.
    [[nodiscard]] std::optional<Fate> answer_broken(const Row& row, resp::Protocol protocol);
    /// The client's WATCH since the loss of an earlier one is over with the broken transaction. True: the node is still
    /// to be told.
    [[nodiscard]] bool end_watch() noexcept;

    // --- what the node answers
    /// MULTI, EXEC or DISCARD was answered, and nothing of the kind is behind it but for the EXEC of a MULTI.
    void note_answer(Link link);
    /// What begins or ends a WATCH was answered. `unwatches`: in a way that ends every WATCH.
    void note_watch(Link link, bool unwatches) noexcept;
    void note_exec_answer(Link link, bool ends_watch);
    /// A command of it was answered, EXEC not yet. True: the node says that it does not lead.
    bool note_queued(const Row& row, std::string_view bytes, std::string_view command);
    /// The answer to a command of one that travels whole. `earlier`: requests before it wait for a leader.
    [[nodiscard]] Verdict judge_unit(const Row& row, std::string_view bytes, bool earlier) const;
    /// The answer to a command on the client's own link speaks of a node that does not lead.
    [[nodiscard]] bool concerns(const upstream::PendingRequest& request, const Row& row, std::string_view bytes) const;
    /// Such an answer.
    [[nodiscard]] Verdict judge_own(const Row& row, std::string_view bytes, resp::Protocol protocol);

    // --- what is lost
    /// The client's own link is gone. `link`: what it carried.
    void note_link_lost(Link link) noexcept {
        watch_broken_ = watch_broken_ || (watching_ && link != nullptr && link->watching());
    }
    /// With its own link `came_back` was lost. `reached_node`: some of it had been sent. True: the transaction goes on
    /// at the next leader; its copy is to be sent before what came back.
    [[nodiscard]] bool survives(std::span<const Lost> came_back);
    /// Its link is gone: what the client still adds to it is answered, and EXEC fails. `executing`: the portal still
    /// does its parts of one whose EXEC was answered.
    void break_off(bool executing);
    /// `refused` waited for a leader in vain.
    void give_up(std::span<const Lost> refused, Link link);
    /// What becomes of a request inside it that came back with the lost link.
    [[nodiscard]] Fate settle(const Lost& lost, resp::Protocol protocol);
    /// Of all of one that travelled in one piece and came back: the fate of its last request, and whether the others
    /// share it (else they are answered with what they would have been told).
    struct UnitFate {
        Fate last;
        bool whole = false;
    };
    [[nodiscard]] UnitFate settle_unit(std::span<const Lost> unit) const;
    /// Of what was answered in it, to be sent again; spoiled where something goes that is not kept.
    [[nodiscard]] TransactionCopy& copy() noexcept { return copy_; }
    [[nodiscard]] Slot slot() const noexcept { return slot_; }

  private:
    [[nodiscard]] bool copy_stands() const noexcept;
    [[nodiscard]] bool can_repeat(std::span<const Lost> came_back) const;
    [[nodiscard]] bool refuses_exec(std::string_view bytes) const noexcept;

    Phase phase_ = Phase::none;
    bool doubtful_ = false;  // what was queued in it may have been executed: its EXEC or DISCARD says so
    bool watching_ = false;
    bool watch_broken_ = false;
    bool denied_ = false;
    bool unserved_ = false;     // begun while nobody led
    std::uint8_t repeats_ = 0;  // how often the open one was sent again
    Slot slot_ = 0;             // of the MULTI of the open one
    QueuedCommands queued_;     // of the one that is open
    TransactionCopy copy_;      // of the one that is open, or that travels in one piece and is being answered
};

}  // namespace portal::conversation
