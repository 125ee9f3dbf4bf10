// What becomes of one client's requests when a link or the leader is lost, or when a node says that it does not lead
// (any more). What was answered so was not executed: it waits, with all that came behind it, and goes to the next
// leader. Recovery and Transaction decide; this carries it out. One shard.
#pragma once

#include "session/session_part.hpp"
#include "upstream/pending_queue.hpp"

#include <string_view>
#include <vector>

namespace portal::session {

class Losses final : public SessionPart {
  public:
    using SessionPart::SessionPart;

    // --- from the links; see upstream::ReplySink
    void on_lost(upstream::PendingRequest& request, std::string_view command, const upstream::Loss& loss);
    void on_refused(upstream::PendingRequest& request, std::string_view command, std::string_view refusal);
    void on_own_link_lost();

    /// Judges a reply that is an error, or that came while earlier requests wait for a leader. True: the request waits,
    /// too, and its reply is dropped. False: the client gets `bytes`, which may be others now.
    bool take_back(upstream::PendingRequest& request, const Row& row, std::string_view& bytes, bool complete,
                   std::string_view command);

    /// Sorts out, in order, what came back from a lost link.
    void settle();
    /// A write may have been executed, or may be lost: the client is told so with `text`, or closed.
    void tell_in_doubt(Slot slot, std::string_view text, bool muted);
    /// A script can say READONLY by itself, after it has changed something. Unless another node leads now, it is taken
    /// at its word, and not run again: then it is answered here, and this is true.
    bool still_refused(const Lost& lost);
    [[nodiscard]] bool is_script_at_its_word(const Lost& lost) const noexcept;
    /// What waits and has been answered by the node gets those answers, refusals or not.
    void give_up_refused();

  private:
    bool take_behind(upstream::PendingRequest& request, const Row& row, std::string_view bytes, bool complete,
                     std::string_view command);
    bool apply(const Verdict& verdict, upstream::PendingRequest& request, std::string_view& bytes,
               std::string_view command);
    void keep_refused(upstream::PendingRequest& request, std::string_view command, std::string_view refusal, bool sent);
    [[nodiscard]] std::string as_it_came(const upstream::PendingRequest& request, std::string_view command) const;
    void keep_copy(Slot slot, std::string_view refusal, const upstream::PendingRequest* unit);
    void go_on();
    void carry_out(const Lost& lost, Fate fate);
    void carry_out(std::vector<Recovery::Settled> settled);
    void refuse_to_repeat(const Lost& lost);
    /// This client is closed for a write in doubt, instead of being told.
    [[nodiscard]] bool closes_in_doubt() const;
};

}  // namespace portal::session
