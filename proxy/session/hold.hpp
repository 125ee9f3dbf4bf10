// The wait of one client for a leader, within hold.time and hold.bytes. It ends when what came back is sent again, or
// when everything that waits is answered NOLEADER. One shard.
#pragma once

#include "net/turn.hpp"
#include "session/session_part.hpp"
#include "upstream/link_pool.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace portal::session {

class Hold final : public SessionPart {
  public:
    using Time = net::Turn::Clock::time_point;
    using SessionPart::SessionPart;

    /// Waits for a leader. What is read of this client, and what came back, counts against hold.bytes.
    void begin();
    /// The leader came, went or changed, or a link became ready: tries again, if it waits.
    void retry();
    /// What this client keeps waiting, counted anew; too much in all, and it is told so in this turn.
    void account();
    /// It waits no more, and is not counted.
    void leave();
    /// Ends it if hold.bytes is used up, or there is no hold.
    void end_if_due();
    /// It is over without a leader: everything that waits is answered, and the client is read again.
    void refuse(std::string_view text);
    /// A request is on its way, or was answered: the next wait is another.
    void forget() noexcept { began_.reset(); }
    /// All that was sent is answered.
    void note_drained() noexcept {
        if (resent_) {
            resent_ = false;
            forget();
        }
    }

    /// It has ended in vain: what must wait longer is answered NOLEADER.
    [[nodiscard]] bool refusing() const noexcept { return refusing_; }
    /// Since when something waits for a leader, if it does.
    [[nodiscard]] std::optional<Time> since() const noexcept { return began_; }

  private:
    /// There is nothing to wait for any more that the shard, the order of replies or a proof decides.
    [[nodiscard]] bool may_end() const;
    [[nodiscard]] bool heard_just_now() const;
    [[nodiscard]] bool awaits_script() const;
    bool ends_iteration(const Lost& lost);
    [[nodiscard]] bool must_run_before_transaction() const;
    void resend();
    [[nodiscard]] upstream::Link* link_again(Lost& lost, const Row& row, bool held);
    void send_again(upstream::Link& link, Lost& lost, const Row& row);
    [[nodiscard]] std::string rearmed(const Row& row, const std::string& command);

    std::optional<Time> began_;  // unless nothing has waited for a leader since
    Time left_at_{};
    std::size_t size_ = 0;
    bool refusing_ = false;
    bool full_ = false;    // hold.bytes is used up
    bool resent_ = false;  // what came back, and is not answered yet
};

}  // namespace portal::session
