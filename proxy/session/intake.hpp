// What is taken from one client, and when: frames the requests out of what was read, and stops while the client has to
// wait. One shard.
#pragma once

#include "resp/byte_buffer.hpp"
#include "resp/frame_scanner.hpp"
#include "session/session_part.hpp"

#include <cstddef>
#include <string_view>

namespace portal::session {

class Intake final : public SessionPart {
  public:
    explicit Intake(Session& session);

    // --- requests
    /// Takes the requests out of `fresh` bytes, or out of what was left before with `fresh` behind it; keeps the rest.
    void take(std::string_view fresh);
    /// Takes what is left of what was read before.
    void go_on();
    /// The client has broken the protocol: it is told so, and closed.
    void protocol_error(resp::Error error);
    /// More is to be read. While the client waits nothing is: the socket's buffer, and then the client, feel it. But
    /// one that is blocked at the node or paused may go meanwhile, and what it waits for must then end; so a little is
    /// read ahead of it.
    [[nodiscard]] bool reads_on() const noexcept;
    /// Bytes that were read and not taken yet.
    [[nodiscard]] std::size_t kept() const noexcept { return input_.size(); }
    [[nodiscard]] resp::RequestScanner& scanner() noexcept { return scanner_; }

    // --- waits
    [[nodiscard]] Wait wait() const noexcept { return wait_; }
    void set_wait(Wait wait) noexcept { wait_ = wait; }
    /// Takes nothing more from the client until `wait` ends. The command stays in the input unless it was taken.
    void pause(Wait wait);
    /// What Wait::reply waited for is there. Any other wait goes on.
    void end_reply_wait() noexcept;
    /// CLIENT PAUSE has ended.
    void end_pause();
    /// Ends the wait whose reason is gone, and goes on with what was read already.
    void resume_if_due();

  private:
    std::size_t take_requests(std::string_view bytes);
    [[nodiscard]] bool wait_is_over() const noexcept;
    bool settle_drained();

    resp::RequestScanner scanner_;
    resp::ByteBuffer input_;  // what was read and not taken yet
    Wait wait_ = Wait::nothing;
};

}  // namespace portal::session
