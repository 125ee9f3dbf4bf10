// From the node's reply to one request to the client: what the reply changes in what is known of the client, its place
// among the others, and pushes among them. One shard.
#pragma once

#include "net/turn.hpp"
#include "observe/shard_counters.hpp"
#include "session/session_part.hpp"
#include "upstream/pending_queue.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace portal::session {

class Replies final : public SessionPart {
  public:
    using SessionPart::SessionPart;

    // --- from the node; see upstream::ReplySink
    bool on_reply(upstream::PendingRequest& request, const resp::ReplyHead& reply, std::string_view command);
    void on_rest(upstream::PendingRequest& request, const resp::ReplyRest& rest, std::string_view command);
    /// What MONITOR shows, invalidations of CLIENT TRACKING, and messages for what a transaction subscribed to.
    bool take_push(const resp::ReplyHead& reply, const upstream::PendingRequest* front);

    // --- what it changes
    /// What the answer says of the client's state. `bytes`: of a reply that was not large.
    void note_reply(const Row& row, bool accepted, std::string_view bytes, std::string_view command);
    /// `command` of a transaction was answered, EXEC not yet.
    void note_queued(const Row& row, std::string_view bytes, std::string_view command);

    // --- from the portal
    /// Answers the command at hand, unless the client wants no replies. Inside EXEC's answer it has its place there.
    void reply(std::string bytes);
    void reply_error(std::string_view text);
    /// Answers it with `error`, a whole frame. In a transaction the node does not know of it: its EXEC must fail.
    void deny(std::string error);
    /// Answers it whether or not the client wants replies.
    void confirm(std::string bytes);

    // --- to the client
    /// `frame`, a push, as the client understands it.
    [[nodiscard]] std::string translated(std::string_view frame) const;
    /// Puts a whole reply into its slot.
    void deliver(Slot slot, std::string_view bytes);
    /// What is kept of a large reply goes out when it is its turn.
    void deliver_part();

    // --- how long it took
    /// The command of `slot` is timed, if no other is: of each client one at a time, so that it is cheap, and every one
    /// of a client that does not pipeline.
    void time(Slot slot, observe::CommandClass what) noexcept;
    /// Notes how long it took, once its reply has gone out, or stands first in what the client does not read.
    void note_duration();

  private:
    struct Timed {
        Slot slot = 0;
        observe::CommandClass what = observe::CommandClass::read;
        net::Turn::Clock::time_point since;  // when its last bytes were read
    };

    void note_scripts(const upstream::PendingRequest& request, const Row& row, const resp::ReplyHead& reply,
                      std::string_view command);
    void note_users(const upstream::PendingRequest& request, std::string_view command);
    [[nodiscard]] std::string replace(const Row& row, std::string_view command, std::string_view bytes);
    bool take_own(upstream::PendingRequest& request, const resp::ReplyHead& reply, std::string_view command);
    void note_own_answer(const Row& row, std::string_view bytes);
    void note_transaction(const Row& row, bool failed, std::string_view bytes);
    void pass_on(upstream::PendingRequest& request, const Row& row, const resp::ReplyHead& reply,
                 std::string_view bytes, std::string_view command);
    void hand_over(upstream::PendingRequest& request, bool complete, std::string_view bytes, std::string_view command,
                   bool acknowledges);
    void pass_head(upstream::PendingRequest& request, const Row& row, std::string_view bytes, std::string_view command);
    void finish_reply(const upstream::PendingRequest& request, std::string_view bytes, bool unproven);
    void keep_part(Slot slot, std::string_view bytes);
    [[nodiscard]] bool take_message_on_link(std::string_view frame);

    std::optional<Timed> timed_;
};

}  // namespace portal::session
