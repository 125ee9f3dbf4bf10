#include "memory_handshake.hpp"

#include "certs/pem.hpp"
#include "certs/tls_context.hpp"

#include <openssl/err.h>

namespace portal::certs::testing {

namespace {

std::string take_error() {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (code == 0) {
        return "no reason";
    }
    const char* reason = ERR_reason_error_string(code);
    return reason == nullptr ? "error " + std::to_string(code) : reason;
}

/// True while the step only waits for the other side.
bool waits(SSL* ssl, int result, std::string& error) {
    const int kind = SSL_get_error(ssl, result);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
        return true;
    }
    error = take_error();
    return false;
}

/// Sends one byte and takes the one that the other side sent; false when either fails.
bool exchange(SSL* from, SSL* to, std::string& from_error, std::string& to_error) {
    char byte = 'x';
    if (const int written = SSL_write(from, &byte, 1); written != 1) {
        from_error = take_error();
        return false;
    }
    const int got = SSL_read(to, &byte, 1);
    return got == 1 || waits(to, got, to_error);
}

SslHandle make_side(SSL_CTX* context, BIO* bio) {
    SslHandle ssl(SSL_new(context));
    SSL_set_bio(ssl.get(), bio, bio);
    return ssl;
}

}  // namespace

HandshakeOutcome shake_hands(SSL_CTX* server_context, SSL_CTX* client_context, const std::string& host,
                             SSL_SESSION* resume) {
    HandshakeOutcome outcome;
    ERR_clear_error();
    BIO* server_bio = nullptr;
    BIO* client_bio = nullptr;
    BIO_new_bio_pair(&server_bio, 0, &client_bio, 0);
    const SslHandle server = make_side(server_context, server_bio);
    const SslHandle client = make_side(client_context, client_bio);
    SSL_set_accept_state(server.get());
    SSL_set_connect_state(client.get());
    if (!expect_peer(client.get(), host)) {
        outcome.client_error = "the host name was refused";
        return outcome;
    }
    if (resume != nullptr) {
        SSL_set_session(client.get(), resume);
    }

    bool client_ready = false;
    bool server_ready = false;
    for (int turn = 0; turn < 20 && !(client_ready && server_ready); ++turn) {
        if (!client_ready) {
            const int result = SSL_do_handshake(client.get());
            client_ready = result == 1;
            if (!client_ready && !waits(client.get(), result, outcome.client_error)) {
                return outcome;
            }
        }
        if (!server_ready) {
            const int result = SSL_do_handshake(server.get());
            server_ready = result == 1;
            if (!server_ready && !waits(server.get(), result, outcome.server_error)) {
                return outcome;
            }
        }
    }
    outcome.done = client_ready && server_ready &&
                   exchange(client.get(), server.get(), outcome.client_error, outcome.server_error) &&
                   exchange(server.get(), client.get(), outcome.server_error, outcome.client_error);
    outcome.resumed = SSL_session_reused(server.get()) == 1;
    outcome.version = SSL_get_version(client.get());
    outcome.cipher = SSL_get_cipher_name(client.get());
    const char* group = SSL_group_to_name(client.get(), static_cast<int>(SSL_get_negotiated_group(client.get())));
    outcome.group = group == nullptr ? "" : group;
    SessionHandle session(SSL_get1_session(client.get()));
    if (session != nullptr && SSL_SESSION_is_resumable(session.get()) == 1 &&
        SSL_SESSION_has_ticket(session.get()) == 1) {
        outcome.session = std::move(session);
    }
    // Without a proper end OpenSSL would mark the client's session as not resumable.
    SSL_set_shutdown(client.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    return outcome;
}

SslContextHandle foreign_client(int min_version, int max_version, const std::string& authorities_pem) {
    SslContextHandle context(SSL_CTX_new(TLS_client_method()));
    // Security level 0, so that the client itself would offer TLS 1.1.
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), min_version);
    SSL_CTX_set_max_proto_version(context.get(), max_version);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    for (const auto& authority : parse_certificates(authorities_pem, "the test's CA").value()) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), authority.get());
    }
    return context;
}

}  // namespace portal::certs::testing
