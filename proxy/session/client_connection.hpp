// The connection of one client from accept to close, apart from what is said on it: the PROXY header, the handshake,
// reading, deadlines, drain, and how it ends. Shell; one shard.
#pragma once

#include "net/deadline.hpp"
#include "net/stream.hpp"
#include "net/turn.hpp"
#include "observe/shard_counters.hpp"
#include "session/client_origin.hpp"
#include "session/deadlines.hpp"
#include "session/session_part.hpp"

#include <memory>
#include <string>

namespace portal::session {

class ClientConnection final : public SessionPart, public net::Deadline, public net::StreamUser {
  public:
    using Time = net::Turn::Clock::time_point;

    ClientConnection(Session& session, ClientOrigin origin, std::shared_ptr<SSL_CTX> tls);

    /// Enters the registry and begins to read. `refused`: the client is only told that there are too many.
    void start(bool refused);

    // --- how it ends
    /// At once. The session may be gone afterwards, unless the caller keeps it.
    void close(observe::Closed reason);
    /// At the end of this turn.
    void cut_off(observe::Closed reason);
    /// Nothing more is taken from the client: it is closed for `reason` when all that it may still hear has gone out.
    void end(observe::Closed reason) noexcept;
    /// The portal lets its clients go: ends at the next boundary between two commands. To be called again until all
    /// have gone; who listens to channels may stay.
    void drain();
    /// Ends what cannot go on, once the client has closed its side.
    void settle_end();
    /// Ends a client that is let go, if it is between two commands.
    void leave_if_done();
    /// Closes it if nothing more comes from the client and nothing is left for it.
    void close_if_done();

    [[nodiscard]] bool closed() const noexcept { return closed_; }
    [[nodiscard]] bool is_cut_off() const noexcept { return cut_off_; }
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    /// The client has closed its side; what it sent before is still answered.
    [[nodiscard]] bool half_closed() const noexcept { return eof_; }
    [[nodiscard]] bool leaving() const noexcept { return leaving_; }
    [[nodiscard]] observe::Closed ending() const noexcept { return ending_; }

    // --- deadlines
    /// Stands in the queue of the deadline that is due first. To be called whenever something has changed that it
    /// depends on; when it stays the same, that does nothing.
    void arm();
    /// Something was read, or something happened to this client in this turn.
    void note_activity();
    /// Something has gone either way just now.
    void note_active() noexcept;
    /// The context goes on by another configuration: a limit that there was not before counts from now on.
    void on_configured();

    // --- the socket
    void wait_readable();
    [[nodiscard]] net::Stream& stream() noexcept { return stream_; }
    [[nodiscard]] const net::Stream& stream() const noexcept { return stream_; }
    [[nodiscard]] const ClientOrigin& origin() const noexcept { return origin_; }
    [[nodiscard]] Time connected_at() const noexcept { return connected_at_; }
    /// In all.
    [[nodiscard]] std::uint64_t received_bytes() const noexcept { return received_bytes_; }
    /// When its last bytes were read.
    [[nodiscard]] Time heard_at() const noexcept { return heard_at_; }

  private:
    void expired() override;
    void on_stream(bool readable, bool writable) override;
    [[nodiscard]] Deadlines::Due due_deadline() const noexcept;
    [[nodiscard]] bool is_busy() const noexcept;
    void hold_back_the_rest();
    [[nodiscard]] bool gone() const noexcept;
    [[nodiscard]] bool blocks_others_of_its_own() const noexcept;
    bool take_proxy_header();
    void on_established();
    void on_readable();
    void on_client_end(net::Stream::Status status);
    void end_block();

    net::Stream stream_;
    ClientOrigin origin_;
    std::unique_ptr<std::string> proxy_header_;  // what came of the header that is still to come first
    Time connected_at_{}, heard_at_{}, pipelined_at_{};
    Time active_at_{};         // when something went either way; exact to kActivity
    Deadlines::Due deadline_;  // for which it stands in a queue, if it does
    std::uint64_t received_bytes_ = 0;
    bool established_ = false;
    bool refused_ = false;  // over the limit of sessions
    bool eof_ = false;
    bool leaving_ = false;
    bool ended_ = false;
    bool cut_off_ = false;
    bool closed_ = false;
    observe::Closed ending_ = observe::Closed::client;
};

}  // namespace portal::session
