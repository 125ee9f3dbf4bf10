// The connection below a link, plain or TLS: made to whichever of the node's addresses answers first; sends what is
// queued as far as the socket takes it, and receives. Knows no protocol. Shell; one shard.
#pragma once

#include "net/connector.hpp"
#include "net/stream.hpp"
#include "replication/node.hpp"
#include "resp/byte_buffer.hpp"
#include "upstream/link_context.hpp"
#include "upstream/pending_queue.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace portal::upstream {

class LinkConnection {
  public:
    enum class Sent : std::uint8_t { all, some, failed };

    explicit LinkConnection(LinkContext& context) noexcept : context_(context) {}

    /// `done` is called once, never in here: with a socket for open(), or with why there is none.
    void connect(const replication::Node& node, net::Connector::Done done);
    /// Takes the socket over; from now on `user` is told what it can do. An empty string, or why that failed.
    [[nodiscard]] std::string open(int socket, const replication::Node& node, net::StreamUser& user);
    /// The handshake is done, if there is one.
    [[nodiscard]] bool established() const noexcept { return stream_->established(); }

    /// Sends the first bytes. A fresh socket takes a few hundred at once; false: it does not, and is broken.
    [[nodiscard]] bool greet(std::string_view bytes);
    /// Whether send() may be called: the socket is not full.
    [[nodiscard]] bool writable() const noexcept { return !waits_to_write_; }
    /// Sends what is unsent, and notes it there.
    [[nodiscard]] Sent send(PendingQueue& queue);
    /// The user has been told that the socket takes more.
    void note_writable() noexcept { waits_to_write_ = false; }
    /// Tells the node that nothing more is sent.
    [[nodiscard]] bool finish() { return stream_->finish_sending() != net::Stream::Status::failed; }

    /// Receives once, and counts it.
    [[nodiscard]] net::Stream::Received receive(resp::ByteBuffer& into);
    /// The user is told when there is something to receive, unless reading is paused or that was asked for already.
    void want_read() {
        if (!reading_ && !paused_) {
            reading_ = true;
            stream_->want_read();
        }
    }
    /// The user has been told so.
    void note_readable() noexcept { reading_ = false; }
    void pause() noexcept { paused_ = true; }
    /// False: it was not paused.
    [[nodiscard]] bool resume() noexcept { return std::exchange(paused_, false); }
    [[nodiscard]] bool paused() const noexcept { return paused_; }

    /// Why it broke while `doing`; a sentence.
    [[nodiscard]] std::string failure(std::string_view doing, bool connecting) const;
    /// What the node has not got yet, it will not get (net::Stream::abort()).
    void abort() noexcept;
    /// Nothing comes and the user is told nothing any more.
    void close() noexcept;

  private:
    [[nodiscard]] Sent send_plain(PendingQueue& queue);
    [[nodiscard]] Sent send_encrypted(PendingQueue& queue);
    void note_sent(PendingQueue& queue, std::size_t size) noexcept;
    [[nodiscard]] Sent wait_writable() noexcept;

    LinkContext& context_;
    std::unique_ptr<net::Connector> connector_;  // until it has connected
    std::unique_ptr<net::Stream> stream_;        // from then on
    bool waits_to_write_ = false;
    bool reading_ = false;  // asked to be told when there is something to receive
    bool paused_ = false;   // nothing further is asked for
};

}  // namespace portal::upstream
