#include "certs/tls_context.hpp"

#include "certs/pem.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <utility>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/tls1.h>
#include <openssl/x509_vfy.h>

namespace portal::certs {

namespace {

// Forward secrecy and authenticated encryption only. 128-bit AES first: the cheapest where the CPU helps, and strong.
constexpr const char* kTls12Ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kTls13Ciphers = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";

// A ticket is honoured this long at most, or for one rotation where that is shorter.
constexpr std::chrono::hours kMaxTicketAge{2};

}  // namespace

Result<void> TlsContext::open(const SSL_METHOD* method, MinTlsVersion min_version) {
    ERR_clear_error();
    library_.reset(OSSL_LIB_CTX_new());
    if (library_ != nullptr) {
        provider_.reset(OSSL_PROVIDER_load(library_.get(), "default"));
    }
    if (provider_ != nullptr) {
        context_.reset(SSL_CTX_new_ex(library_.get(), nullptr, method));
    }
    if (context_ == nullptr) {
        return openssl_error("Cannot make a TLS context; check the OpenSSL installation");
    }
    SSL_CTX* context = context_.get();
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    const int lowest = min_version == MinTlsVersion::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    if (SSL_CTX_set_min_proto_version(context, lowest) != 1 ||
        SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, kTls12Ciphers) != 1 || SSL_CTX_set_ciphersuites(context, kTls13Ciphers) != 1 ||
        SSL_CTX_set1_groups_list(context, kGroups) != 1) {
        return openssl_error("Cannot set the TLS versions and ciphers");
    }
    return {};
}

Result<void> TlsContext::use_pair(const CertificateMaterial& material) {
    auto certificates = parse_certificates(material.certificate_pem, material.files.certificate, library_.get());
    if (!certificates) {
        return certificates.error();
    }
    const auto key = parse_private_key(material.key_pem, material.files.key, library_.get());
    if (!key) {
        return key.error();
    }
    if (SSL_CTX_use_certificate(context_.get(), certificates->front().get()) != 1) {
        return openssl_error("TLS refuses the certificate in " + material.files.certificate + "; make a new one");
    }
    for (std::size_t i = 1; i < certificates->size(); ++i) {
        if (SSL_CTX_add1_chain_cert(context_.get(), (*certificates)[i].get()) != 1) {
            return openssl_error("TLS refuses an intermediate certificate in " + material.files.certificate +
                                 "; check the chain");
        }
    }
    if (SSL_CTX_use_PrivateKey(context_.get(), key->get()) != 1 || SSL_CTX_check_private_key(context_.get()) != 1) {
        return openssl_error("TLS refuses the key in " + material.files.key + "; make a new pair");
    }
    return {};
}

Result<void> TlsContext::trust(const std::string& authorities_pem, const std::string& name) {
    const auto authorities = parse_certificates(authorities_pem, name, library_.get());
    if (!authorities) {
        return authorities.error();
    }
    X509_STORE* store = SSL_CTX_get_cert_store(context_.get());
    for (const X509Handle& authority : *authorities) {
        if (X509_STORE_add_cert(store, authority.get()) != 1 ||
            SSL_CTX_add_client_CA(context_.get(), authority.get()) != 1) {
            return openssl_error("TLS refuses a CA certificate in " + name + "; check the file");
        }
    }
    return {};
}

Result<void> TlsContext::require_client_certificates(const CertificateMaterial& material) {
    if (!material.client_ca_pem) {
        SSL_CTX_set_verify(context_.get(), SSL_VERIFY_NONE, nullptr);
        return {};
    }
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    return trust(*material.client_ca_pem, material.files.client_ca.value_or("the client CA"));
}

Result<void> TlsContext::resume_sessions(const CertificateMaterial& material, const ServerTlsOptions& options) {
    // A session is resumed without its certificates being shown again, so it counts only where the same clients are let
    // in.
    const Sha256 who = sha256(material.client_ca_pem.value_or("redis-portal: any client"));
    static_assert(std::tuple_size_v<Sha256> <= SSL_MAX_SID_CTX_LENGTH);
    if (SSL_CTX_set_session_id_context(context_.get(), who.data(), static_cast<unsigned int>(who.size())) != 1) {
        return openssl_error("Cannot set the session id context");
    }
    if (options.ticket_keys == nullptr) {
        SSL_CTX_set_options(context_.get(), SSL_OP_NO_TICKET);
        SSL_CTX_set_num_tickets(context_.get(), 0);
        return {};
    }
    SSL_CTX_set_num_tickets(context_.get(), 1);
    const std::chrono::seconds age = std::min<std::chrono::seconds>(options.ticket_keys->rotation(), kMaxTicketAge);
    SSL_CTX_set_timeout(context_.get(), static_cast<long>(age.count()));
    tickets_ = std::make_unique<TicketKeyRing>(options.ticket_keys, library_.get());
    tickets_->attach(context_.get());
    return {};
}

void TlsContext::leave_this_thread() {
    // OpenSSL noted for this thread that it must tidy up in this library when the thread ends. By then another thread
    // may have freed the library, so tidy up now; the thread that uses the context gets a note of its own.
    OPENSSL_thread_stop_ex(library_.get());
}

Result<std::shared_ptr<TlsContext>> TlsContext::server(const CertificateMaterial& material,
                                                       const ServerTlsOptions& options) {
    std::shared_ptr<TlsContext> made(new TlsContext());
    auto done = made->open(TLS_server_method(), options.min_version);
    if (done) {
        done = made->use_pair(material);
    }
    if (done) {
        done = made->require_client_certificates(material);
    }
    if (done) {
        done = made->resume_sessions(material, options);
    }
    if (!done) {
        return done.error();
    }
    made->leave_this_thread();
    return made;
}

Result<std::shared_ptr<TlsContext>> TlsContext::client(const ClientTlsOptions& options) {
    std::shared_ptr<TlsContext> made(new TlsContext());
    auto done = made->open(TLS_client_method(), MinTlsVersion::tls12);
    if (!done) {
        return done.error();
    }
    SSL_CTX_set_verify(made->native(), SSL_VERIFY_PEER, nullptr);
    if (options.authorities_pem) {
        done = made->trust(*options.authorities_pem, "the CA certificates");
    } else if (SSL_CTX_set_default_verify_paths(made->native()) != 1) {
        return openssl_error("Cannot read the system's trust store; name a CA file in the configuration");
    }
    if (done && options.identity != nullptr) {
        done = made->use_pair(*options.identity);
    }
    if (!done) {
        return done.error();
    }
    made->leave_this_thread();
    return made;
}

bool expect_peer(SSL* ssl, const std::string& host) {
    std::array<unsigned char, sizeof(in6_addr)> address{};
    const bool is_address =
        inet_pton(AF_INET, host.c_str(), address.data()) == 1 || inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
    if (is_address) {
        // RFC 6066: the server name extension carries names only.
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
    }
    // The call behind the macro SSL_set_tlsext_host_name, which copies the name but casts its const away in the old
    // style.
    return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(host.c_str())) ==
               1 &&
           SSL_set1_host(ssl, host.c_str()) == 1;
}

}  // namespace portal::certs
