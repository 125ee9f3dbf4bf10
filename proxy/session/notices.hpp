// What one client hears of maintenance, if it has asked for that (CLIENT MAINT_NOTIFICATIONS): that commands wait for
// another leader and that they go on, always both; and that the portal goes away. It hears nothing while it has begun
// something that it could not go on with elsewhere. When and by which number is the NoticeBoard's to say. One shard.
#pragma once

#include "command/maintenance.hpp"
#include "resp/request_view.hpp"
#include "session/session_part.hpp"

#include <cstdint>

namespace portal::session {

class Notices final : public SessionPart {
  public:
    using SessionPart::SessionPart;

    /// Answers CLIENT MAINT_NOTIFICATIONS.
    void answer(const resp::RequestView& request);
    /// The client begins anew, or speaks RESP2: it has asked for nothing.
    void forget() noexcept { ask(command::MovingEndpoint::not_asked); }
    /// It is gone. `drained`: since the portal has ended the connection.
    void leave(bool drained) noexcept;

    /// Commands wait.
    void begin_hold(std::int64_t number);
    /// They go on, or this client's are refused. A client that has begun something since hears it behind that.
    void end_hold();
    /// What end_hold() has left for later. At the end of a turn.
    void settle() {
        if (owes_end_) {
            end_hold();
        }
    }

    /// The portal goes away. True: the client has been told, or will be, and leaves by itself, so it may stay for now.
    [[nodiscard]] bool moves();

  private:
    using Endpoint = command::MovingEndpoint;

    void ask(Endpoint endpoint) noexcept;
    [[nodiscard]] bool wants() const noexcept;
    [[nodiscard]] bool is_free() const noexcept;
    [[nodiscard]] command::MoveTo move_to() const;

    Endpoint endpoint_ = Endpoint::not_asked;
    bool hold_told_ = false;
    bool owes_end_ = false;  // of a hold that it was told of
    bool move_told_ = false;
};

}  // namespace portal::session
