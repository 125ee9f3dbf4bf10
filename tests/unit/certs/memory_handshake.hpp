// A TLS client and a TLS server that talk through memory: a whole handshake without a socket.
#pragma once

#include "certs/openssl_handles.hpp"

#include <memory>
#include <string>

namespace portal::certs::testing {

using SessionHandle = Handle<SSL_SESSION, SSL_SESSION_free>;

struct HandshakeOutcome {
    bool done = false;
    bool resumed = false;
    std::string version;
    std::string cipher;
    std::string group;
    std::string client_error;
    std::string server_error;
    SessionHandle session;  // what the client may resume with; empty without a ticket
};

/// Runs a handshake and one byte each way (TLS 1.3 sends tickets and client-certificate verdicts after the handshake).
HandshakeOutcome shake_hands(SSL_CTX* server, SSL_CTX* client, const std::string& host, SSL_SESSION* resume = nullptr);

/// A plain client in OpenSSL's default library context: what a foreign client looks like.
SslContextHandle foreign_client(int min_version, int max_version, const std::string& authorities_pem);

}  // namespace portal::certs::testing
