// From the output of one client to its socket: as much as the socket takes, and no more kept than the client may leave
// unread. Shell; one shard.
#pragma once

#include "net/stream.hpp"
#include "net/turn.hpp"
#include "session/client_output.hpp"
#include "session/session_part.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

namespace portal::session {

class ClientSender final : public SessionPart {
  public:
    using Time = net::Turn::Clock::time_point;
    using SessionPart::SessionPart;

    [[nodiscard]] ClientOutput& output() noexcept { return output_; }
    [[nodiscard]] const ClientOutput& output() const noexcept { return output_; }

    /// Sends what the socket takes. Closes a client that has left too much unread.
    void send();
    /// Replies have come: sends early what has become long, else at the end of the turn.
    void send_what_came();
    /// Sends early what has become long. False when the client reads too slowly and was closed for it.
    bool keep_output_bounded();
    /// A message for the client, behind the replies that are here. One of perhaps ten thousand calls for one message:
    /// notes it, and leaves the rest to the end of a turn.
    void send_message(const upstream::MessagePtr& message);
    /// A push for the client, or what looks like one, at once.
    void send_push(std::string_view frame);

    /// For a client that redirects to this one: `keys` have changed, an array or null as RESP.
    void send_invalidation(std::string_view keys);

    /// What the client has not taken yet, in bytes.
    [[nodiscard]] std::size_t unread() const noexcept;
    /// What it was sent in all.
    [[nodiscard]] std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }
    /// Since when the socket takes nothing, if it does not.
    [[nodiscard]] std::optional<Time> stalled_since() const noexcept {
        return writing_ ? std::optional(stalled_at_) : std::nullopt;
    }

    /// The socket has answered so when it was written to.
    void note_written(net::Stream::Status status);
    void on_writable();

  private:
    void send_messages();

    ClientOutput output_;
    std::uint64_t sent_bytes_ = 0;
    bool writing_ = false;  // a wait for the socket to take more is pending
    Time stalled_at_{};
};

}  // namespace portal::session
