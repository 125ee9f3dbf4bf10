// What came back of one client's requests, in the order of their slots, and what becomes of it: what was never sent and
// what only reads goes to the next leader; a write that may have been executed is in doubt; what a node refused for not
// leading waits with all that came behind it. A repeat is bounded, and alone where it may have cost a link. Pure.
#pragma once

#include "config/config.hpp"
#include "conversation/fate.hpp"
#include "conversation/lost_request.hpp"
#include "conversation/transaction.hpp"
#include "resp/frame_scanner.hpp"

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace portal::conversation {

class Recovery {
  public:
    using Row = command::CommandRow;
    using Slot = ReplySequencer::Slot;

    /// What a decision depends on beside the request.
    struct Facts {
        resp::Protocol protocol = resp::Protocol::resp2;
        config::Proven proven = config::Proven::off;
        std::chrono::steady_clock::duration down_after{};  // after which a silent leader is replaced
        bool names_connection = false;  // the CLIENT TRACKING at hand names a connection of the lost node
    };

    /// A request that came back and does not wait any more.
    struct Settled {
        Lost lost;
        Fate fate;
    };

    // --- what waits
    [[nodiscard]] bool empty() const noexcept { return lost_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return lost_.size(); }
    [[nodiscard]] std::span<const Lost> waiting() const noexcept { return lost_; }
    /// Something older than `slot` waits.
    [[nodiscard]] bool precedes(Slot slot) const noexcept {
        return !lost_.empty() && lost_.front().request.sequence < slot;
    }
    /// Bytes of the requests.
    [[nodiscard]] std::size_t bytes() const noexcept;
    /// It must not be sent before writes can be proven.
    [[nodiscard]] bool writes() const noexcept;
    void clear() noexcept { lost_.clear(); }

    // --- what comes back
    /// Puts it in its place.
    void keep(Lost lost);
    /// A request came back, or the client's own link is gone: settle() is due, in this turn.
    void note_due() noexcept { due_ = true; }
    void note_link_lost() noexcept { due_ = link_lost_ = true; }
    [[nodiscard]] bool due() const noexcept { return due_; }
    /// A read behind one that waits was answered: the answer counts only if the other is not executed after all.
    void keep_answer(Slot slot, std::string_view answer);
    /// What was answered of a transaction is sent again before its requests with `slot` and later ones; the client
    /// hears nothing of it. `frames`: whole requests; `sample`: whose sink and epoch they get.
    void keep_copy(std::string_view frames, const Lost& sample, const resp::RequestLimits& limits);

    // --- what becomes of it
    /// Ends due(). True: the client's own link is among what is gone.
    [[nodiscard]] bool begin_settling() noexcept;
    struct Outcome {
        std::vector<Settled> settled;
        bool survives = false;  // the transaction goes on at the next leader, as soon as its copy is there
    };
    /// Sorts out, in order, all that came back; what is to be sent again stays. `link_lost`: begin_settling() said so.
    [[nodiscard]] Outcome settle(Transaction& transaction, bool link_lost, const Facts& facts);
    /// A later request was executed: those before it get the node's answers, refusals or not, so that the order stays
    /// true. What has no answer yet stays.
    [[nodiscard]] std::vector<Settled> settle_refused();
    /// All of it, to be sent again or refused.
    [[nodiscard]] LostRequests take() noexcept { return std::exchange(lost_, {}); }

    /// Whatever waits has an answer that can be given under leader `now`, and none of it is part of the transaction.
    [[nodiscard]] bool all_answered(const Transaction& transaction, replication::Epoch now) const noexcept;

    // --- how it is sent again
    /// It was refused in words that a script may have chosen: unless another node leads now, the script is taken at its
    /// word, and not run again. Within a transaction it was only to be queued, and goes with it.
    [[nodiscard]] static bool may_lie(const Lost& lost, const Transaction& transaction) noexcept;
    /// Its link was lost and its node was not: perhaps for this very request.
    [[nodiscard]] static bool goes_alone(const Lost& lost, const Transaction& transaction,
                                         replication::Epoch now) noexcept;

  private:
    /// What a client has sent that may have been executed, from the newest request on backwards.
    class OwnWrites {
      public:
        [[nodiscard]] bool may_show_in(const Lost& lost) const;
        void note(const Lost& lost);

      private:
        bool any_ = false;
        bool all_ = false;  // one of them may have changed anything
        std::unordered_set<std::string_view> named_;
    };

    [[nodiscard]] static std::vector<bool> overtaken(const LostRequests& came_back);
    [[nodiscard]] static Fate fate_of(const Lost& lost, const Row& row, const Facts& facts);
    void settle_one(Lost& lost, Fate fate, std::vector<Settled>& settled);
    void settle_unit(std::span<Lost> unit, const Transaction& transaction, std::vector<Settled>& settled);

    LostRequests lost_;
    bool due_ = false;
    bool link_lost_ = false;
};

}  // namespace portal::conversation
