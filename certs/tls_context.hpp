// One SSL_CTX inside an OpenSSL library context of its own: OpenSSL 3 takes locks in the default one, so each shard
// makes its own. Made on any thread, then used and freed on one thread only (or freed after that thread has ended).
// Every SSL made from it must be freed before it: connections hold a shared_ptr to the context they began with, so a
// certificate change does not touch them.
#pragma once

#include "certs/cert_store.hpp"
#include "certs/error.hpp"
#include "certs/openssl_handles.hpp"
#include "certs/ticket_keys.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace portal::certs {

enum class MinTlsVersion : std::uint8_t { tls12, tls13 };

struct ServerTlsOptions {
    MinTlsVersion min_version = MinTlsVersion::tls12;
    std::shared_ptr<const TicketKeys> ticket_keys;  // empty: no session resumption
};

struct ClientTlsOptions {
    std::optional<std::string> authorities_pem;  // empty: the system's trust store
    CertificateMaterialPtr identity;             // shown to the server when it asks; may be empty
};

class TlsContext {
  public:
    static Result<std::shared_ptr<TlsContext>> server(const CertificateMaterial& material,
                                                      const ServerTlsOptions& options);
    /// Towards a server that must show a valid certificate; call expect_peer on each SSL to say for which name.
    static Result<std::shared_ptr<TlsContext>> client(const ClientTlsOptions& options);

    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;
    ~TlsContext() = default;

    SSL_CTX* native() const { return context_.get(); }
    /// For who frees what it is given, such as asio::ssl::context. Must still be freed before this.
    SSL_CTX* share() const {
        SSL_CTX_up_ref(context_.get());
        return context_.get();
    }

  private:
    TlsContext() = default;
    Result<void> open(const SSL_METHOD* method, MinTlsVersion min_version);
    Result<void> use_pair(const CertificateMaterial& material);
    Result<void> trust(const std::string& authorities_pem, const std::string& name);
    Result<void> require_client_certificates(const CertificateMaterial& material);
    void leave_this_thread();
    Result<void> resume_sessions(const CertificateMaterial& material, const ServerTlsOptions& options);

    // In this order, so that the context goes first and the library last.
    LibraryHandle library_;
    ProviderHandle provider_;
    std::unique_ptr<TicketKeyRing> tickets_;
    SslContextHandle context_;
};

/// On the connecting side: send `host` as server name and accept only a certificate for it. `host` is a DNS name or an
/// address. False when OpenSSL refuses the name.
bool expect_peer(SSL* ssl, const std::string& host);

}  // namespace portal::certs
