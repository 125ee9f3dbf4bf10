// TLS without a socket: OpenSSL between two memory buffers that all connections of a shard share, so an idle connection
// holds no buffer of its own. Single-threaded; knows no Asio.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <openssl/ssl.h>

namespace portal::net {

/// What a TLS step came to.
enum class TlsStatus : unsigned char {
    ok,         // progress was made
    want_more,  // needs more bytes from the peer
    closed,     // the peer ended the TLS session properly
    failed,     // the TLS session is broken; see TlsEngine::failure()
};

/// Why a handshake failed, as far as the bytes tell.
enum class TlsFailure : unsigned char { none, plaintext, version, certificate, other };

class TlsEngine {
  public:
    enum class Side : unsigned char { server, client };

    /// Makes a session of `context` and keeps that alive. `server_name` is checked and sent by the client side when not
    /// empty. Throws std::bad_alloc only.
    TlsEngine(std::shared_ptr<SSL_CTX> context, Side side, const std::string& server_name = {});
    TlsEngine(const TlsEngine&) = delete;
    TlsEngine& operator=(const TlsEngine&) = delete;

    /// Moves the handshake on. Reads from `in` (advanced past what was taken), appends to `out`.
    TlsStatus handshake(std::string_view& in, std::string& out);
    [[nodiscard]] bool established() const noexcept { return established_; }

    /// Decrypts into `plain`, one record at a time; `size` tells how much. Call until want_more: then all of `in` has
    /// been taken. Once `in` is empty and `plain` was not filled, the next call would say nothing else.
    TlsStatus read(std::string_view& in, std::span<char> plain, std::size_t& size, std::string& out);

    /// Encrypts all of `plain`, appending records to `out`.
    TlsStatus write(std::string_view plain, std::string& out);

    /// Appends the closing alert to `out`.
    void shutdown(std::string& out);

    /// The peer has said that it will send nothing more.
    [[nodiscard]] bool peer_closed() const noexcept {
        return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
    }

    [[nodiscard]] TlsFailure failure() const noexcept { return failure_; }
    /// What OpenSSL says of it, for the log; a sentence without names of this side's files.
    [[nodiscard]] const std::string& failure_text() const noexcept { return failure_text_; }
    /// TLS1_2_VERSION or TLS1_3_VERSION once established.
    [[nodiscard]] int version() const noexcept { return SSL_version(ssl_.get()); }
    /// As OpenSSL names it, such as "TLSv1.3".
    [[nodiscard]] const char* version_name() const noexcept { return SSL_get_version(ssl_.get()); }
    [[nodiscard]] bool resumed() const noexcept { return SSL_session_reused(ssl_.get()) == 1; }
    /// Server side: the name that the client has asked for (SNI), as it came; empty: none, or not known any more.
    [[nodiscard]] std::string_view server_name() const noexcept;
    [[nodiscard]] const char* cipher() const noexcept { return SSL_get_cipher_name(ssl_.get()); }

  private:
    struct Transport {  // what the BIO reads from and writes to during one call
        std::string_view* in = nullptr;
        std::string* out = nullptr;
    };
    struct FreeSsl {
        void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
    };
    static BIO_METHOD* bio_method();
    static int bio_read(BIO* bio, char* data, int size);
    static int bio_write(BIO* bio, const char* data, int size);
    static long bio_control(BIO* bio, int command, long number, void* pointer);
    static int bio_create(BIO* bio);

    /// SSL_get_error looks at the thread's error queue, which every call here leaves empty. Emptying it before each
    /// record instead costs a third of what the record costs.
    TlsStatus outcome(int result);
    void note_failure();

    std::shared_ptr<SSL_CTX> context_;
    Transport transport_;
    std::unique_ptr<SSL, FreeSsl> ssl_;
    bool established_ = false;
    TlsFailure failure_ = TlsFailure::none;
    std::string failure_text_;
};

}  // namespace portal::net
