// One connection, plain or TLS, without blocking: receive what is there, send what fits, keep the rest. At most one
// wait for reading and one for writing are pending. Belongs to one shard; all its connections share the shard's
// Scratch.
#pragma once

#include "net/tls_engine.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

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

class Stream {
  public:
    using Socket = boost::asio::ip::tcp::socket;

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

    /// A plain connection. The socket is made non-blocking, TCP_NODELAY.
    Stream(Socket socket, Scratch& scratch);
    /// A TLS connection of `context`, which it keeps alive.
    Stream(Socket socket, Scratch& scratch, std::shared_ptr<SSL_CTX> context, TlsEngine::Side side,
           const std::string& server_name = {});

    /// Takes what the peer sent into `plain` (at least Scratch::kPlain bytes for TLS). Carries the handshake on when
    /// there is one, which may send.
    Received receive(std::span<char> plain);

    /// Sends `plain` (encrypted, for TLS) until the socket takes no more, of which at most kSlice bytes are kept: the
    /// rest is not taken and stays with the caller. Must not be called while blocked().
    Sent send(std::string_view plain);
    /// Sends what was kept. To be called when the socket is writable again.
    Status resume_send();
    [[nodiscard]] bool blocked() const noexcept { return !kept_.empty(); }

    /// Client side of TLS: begins the handshake. Server side and plain: nothing.
    Status start();
    /// True for plain connections at once, for TLS after the handshake.
    [[nodiscard]] bool established() const noexcept { return !tls_ || tls_->established(); }
    [[nodiscard]] const TlsEngine* tls() const noexcept { return tls_.get(); }

    template <typename Handler>
    void wait_readable(Handler&& handler) {
        socket_.async_wait(Socket::wait_read, std::forward<Handler>(handler));
    }
    template <typename Handler>
    void wait_writable(Handler&& handler) {
        socket_.async_wait(Socket::wait_write, std::forward<Handler>(handler));
    }

    /// Says goodbye (TLS close alert, as far as the socket takes it) and closes. Pending waits end with
    /// operation_aborted.
    void close() noexcept;
    [[nodiscard]] bool open() const noexcept { return socket_.is_open(); }
    [[nodiscard]] Socket& socket() noexcept { return socket_; }

  private:
    Received receive_tls(std::span<char> plain);
    Status transmit(std::string_view bytes);
    std::optional<std::size_t> read_socket(std::span<char> into, Status& status);

    Socket socket_;
    Scratch& scratch_;
    std::unique_ptr<TlsEngine> tls_;
    std::string kept_;  // bytes for the wire that the socket did not take yet
};

}  // namespace portal::net
