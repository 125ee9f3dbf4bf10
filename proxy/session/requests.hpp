// From one framed request of a client to its way: it is refused, answered by the portal, or sent on a link. One shard.
#pragma once

#include "resp/request_view.hpp"
#include "route/router.hpp"
#include "session/session_part.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace portal::session {

class Requests final : public SessionPart {
  public:
    using SessionPart::SessionPart;

    /// One framed request; `rest` is what follows it. False: it must wait, and stays in the input.
    bool take(std::string_view frame, std::string_view rest);
    /// The rest of a transaction that travels in one piece, `rest` begins with it: its MULTI has just been sent, and
    /// nothing may come in between any more. Returns how many bytes it has.
    std::size_t take_unit(std::string_view rest);

    // --- the command at hand
    void begin();
    /// It was answered, or is on its way.
    void end();
    /// The client wants no reply to it.
    [[nodiscard]] bool muted() const noexcept { return muted_; }
    void mute(bool on) noexcept { muted_ = on; }
    /// A feature asks others for the command at hand. What it learns is good for that command alone:
    /// Features::forget().
    void note_asked() noexcept { asked_ = true; }
    /// Commands of the client that were answered or sent on.
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
    void note_row(const Row& row) noexcept { last_row_ = &row; }
    /// Of the last command; null: there was none.
    [[nodiscard]] const Row* last_row() const noexcept { return last_row_; }
    /// CLIENT PAUSE concerns this command.
    [[nodiscard]] bool pauses(const Row& row) const noexcept;

    // --- its way
    /// Answers what this client may not ask for. False: it may.
    bool refuse(const Row& row, const resp::RequestView& request);
    /// There is no leader, and the wait is over. Inside a transaction the node does not know of it: its EXEC must fail,
    /// and an EXEC that is refused ends it.
    void refuse_without_leader(const Row& row);
    /// Answers a MULTI whose EXEC will fail: what follows is queued nowhere, and runs nowhere. See
    /// Transaction::begin_broken().
    void open_broken(bool unserved);
    /// What the portal answers itself. False: must wait, and is asked again.
    bool answer_locally(const Row& row, const resp::RequestView& request);
    /// Sends the request on its link. False: the link is another than the one that still owes replies, so it must wait.
    bool forward(const Row& row, const resp::RequestView& request, route::Destination destination);

  private:
    bool dispatch(const Row& row, const resp::RequestView& request, std::string_view rest);
    void refuse_unserved(const Row& row, const resp::RequestView& request);
    [[nodiscard]] bool awaits_script(const Row& row, const resp::RequestView& request, std::string_view rest) const;
    void look_for_unit(std::string_view rest);
    [[nodiscard]] route::Destination destination_of(const Row& row, const resp::RequestView& request) const;
    [[nodiscard]] bool must_not_run();
    void discard_for_exec(const Row& row);
    [[nodiscard]] std::optional<bool> forward_in_its_way(const Row& row, const resp::RequestView& request,
                                                         route::Destination destination);
    std::optional<bool> forward_cursor(const Row& row, const resp::RequestView& request,
                                       route::Destination destination);
    bool note_forwarded(const Row& row, const resp::RequestView& request);
    [[nodiscard]] bool is_awaited(const Row& row) const noexcept;
    bool answer_broken_transaction(const Row& row);
    void end_transaction();

    const Row* last_row_ = nullptr;
    std::uint64_t count_ = 0;
    bool muted_ = false;
    bool asked_ = false;
};

}  // namespace portal::session
