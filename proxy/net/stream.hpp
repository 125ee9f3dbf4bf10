// One connection, plain or TLS, without blocking: receive what is there, send what fits, keep the rest. Says when it
// can go on, as often as it is asked to. Belongs to one loop; all connections of a loop share its Scratch.
#pragma once

#include "net/loop.hpp"
#include "net/tls_engine.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace portal::net {

/// Buffers that every connection of a shard uses in turn; nothing stays in them between two calls.
struct Scratch {
    static constexpr std::size_t kReceive = 64 * 1024;
    /// Room for everything that one receive() can yield: a read of ciphertext and a record that was begun before.
    static constexpr std::size_t kPlain = kReceive + 20 * 1024;
    std::string ciphertext_in = std::string(kReceive, '\0');
    std::string ciphertext_out;
    std::string plain = std::string(kPlain, '\0');
};

/// Owner of a stream. May close and destroy it in there.
class StreamUser {
  public:
    /// What want_read() or want_write() asked for has come.
    virtual void on_stream(bool readable, bool writable) = 0;

  protected:
    ~StreamUser() = default;
};

class Stream final : private Loop::Watch {
  public:
    enum class Status : unsigned char {
        data,    // receive: `size` bytes; send: everything left
        again,   // receive: nothing now; send: the rest waits for the socket
        closed,  // the peer closed
        failed,  // socket or TLS error
    };
    struct Received {
        Status status = Status::again;
        std::size_t size = 0;
        /// The socket may hold more (the read filled its buffer): receive again before waiting.
        bool more = false;
    };

    struct Sent {
        Status status = Status::data;
        std::size_t taken = 0;
    };
    /// What send() takes at a time, so that a slow peer costs no more than this, and the shared buffer stays small.
    static constexpr std::size_t kSlice = 256 * 1024;
    /// What is kept for a peer that does not read, in bytes for the wire: a slice, and what TLS itself answers (to
    /// requests for new keys, say). A peer that asks for more than that without reading has failed.
    static constexpr std::size_t kMostKept = kSlice + 128 * 1024;

    /// Over the connected `socket`, which is its own from here on, and is made non-blocking and TCP_NODELAY. TLS by
    /// `context`, which it keeps alive; without one the connection is plain.
    Stream(int socket, Scratch& scratch, std::shared_ptr<SSL_CTX> context = nullptr,
           TlsEngine::Side side = TlsEngine::Side::server, const std::string& server_name = {});
    ~Stream();

    /// To be called once, before the first want_read() or want_write(). Both outlive the open stream. False when the
    /// kernel refuses.
    [[nodiscard]] bool attach(Loop& loop, StreamUser& user);

    /// Takes what the peer sent into `plain` (at least Scratch::kPlain bytes for TLS). Carries the handshake on when
    /// there is one, which may send.
    Received receive(std::span<char> plain);

    /// Sends `plain` (encrypted, for TLS) until the socket takes no more, of which at most kSlice bytes are kept: the
    /// rest is not taken and stays with the caller. Must not be called while blocked().
    Sent send(std::string_view plain);
    /// Plain connections only: sends what the socket takes now, and keeps nothing.
    Sent offer(std::string_view plain);
    /// Sends what was kept. To be called when the socket is writable again.
    Status resume_send();
    [[nodiscard]] bool blocked() const noexcept { return !kept_.empty(); }
    /// Server side of TLS: the end of the handshake has left bytes for the client (tickets), which the next send()
    /// takes along. To be called with nothing at the end of the turn if there is nothing else to send.
    [[nodiscard]] bool owes() const noexcept { return !owed_.empty(); }

    /// Why the socket failed last, as errno has it.
    [[nodiscard]] int error() const noexcept { return error_; }

    /// Client side of TLS: begins the handshake. Server side and plain: nothing.
    Status start();
    /// True for plain connections at once, for TLS after the handshake.
    [[nodiscard]] bool established() const noexcept { return !tls_ || tls_->established(); }
    [[nodiscard]] const TlsEngine* tls() const noexcept { return tls_.get(); }

    /// The user is told once when there is something to receive; in the next turn if there may be already.
    void want_read();
    /// The user is told once when the socket takes more: while blocked(), after an offer() that was not taken whole, or
    /// while the socket is still connecting.
    void want_write() noexcept { wants_write_ = true; }
    /// The peer sends nothing more, or the connection is broken; there may still be something to receive before that.
    /// When it becomes so while nothing was asked for, the user is told all the same, that nothing is readable nor
    /// writable.
    [[nodiscard]] bool ended() const noexcept { return ended_; }
    /// Tells the peer that nothing more is sent (TLS close alert, end of the stream); receiving goes on. Not while
    /// blocked(). failed: it could not be told.
    Status finish_sending();
    /// Everything was taken from the socket by other means than receive(): what want_read() waits for is new bytes.
    void note_drained() noexcept { readable_ = ended_; }

    /// Says goodbye (TLS close alert, as far as the socket takes it), unless the peer has gone without one and was sent
    /// nothing since, and closes. The user is told nothing more.
    void close() noexcept;
    /// When the process dies, what was sent and has not arrived is not delivered any more, as after abort().
    void abort_on_death() noexcept;
    /// Closes without goodbye. What was sent and has not arrived is taken back: the kernel would go on delivering it
    /// for minutes, and a request that is held to be lost would be executed behind later ones.
    void abort() noexcept;
    /// The peer may read nothing for longer than the kernel's own bound on unacknowledged bytes.
    void allow_long_silence() noexcept;
    [[nodiscard]] bool open() const noexcept { return socket_ >= 0; }
    [[nodiscard]] int descriptor() const noexcept { return socket_; }

  private:
    void on_events(std::uint32_t events) override;
    void release() noexcept;
    Received receive_tls(std::span<char> plain);
    void take_owed(std::string& out);
    Status transmit(std::string_view bytes);
    std::optional<std::size_t> read_socket(std::span<char> into, Status& status);

    int socket_;
    int error_ = 0;
    bool readable_ = false;  // the socket may hold something
    bool ended_ = false;     // the peer sends nothing more, or the connection is broken; receive() will tell
    bool wants_read_ = false;
    bool wants_write_ = false;
    bool aborts_on_death_ = false;
    bool hung_up_ = false;  // the peer has ended the connection below TLS
    bool serves_;           // side of TLS
    Loop* loop_ = nullptr;
    StreamUser* user_ = nullptr;
    Scratch& scratch_;
    std::unique_ptr<TlsEngine> tls_;
    std::string kept_;  // bytes for the wire that the socket did not take yet
    std::string owed_;  // bytes for the wire that go out before or with what is sent next
};

}  // namespace portal::net
