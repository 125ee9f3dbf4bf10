#include "net/tls_engine.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <new>
#include <utility>

#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace portal::net {

namespace {

bool is_address(const std::string& name) {
    std::array<unsigned char, 16> bytes{};
    return inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 || inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

}  // namespace

BIO_METHOD* TlsEngine::bio_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "shard buffers");
        BIO_meth_set_read(made, &TlsEngine::bio_read);
        BIO_meth_set_write(made, &TlsEngine::bio_write);
        BIO_meth_set_ctrl(made, &TlsEngine::bio_control);
        BIO_meth_set_create(made, &TlsEngine::bio_create);
        return made;
    }();
    return method;
}

int TlsEngine::bio_create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
}

int TlsEngine::bio_read(BIO* bio, char* data, int size) {
    auto& transport = *static_cast<Transport*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (transport.in == nullptr || transport.in->empty()) {
        BIO_set_retry_read(bio);
        return -1;
    }
    const std::size_t n = std::min(static_cast<std::size_t>(size), transport.in->size());
    std::memcpy(data, transport.in->data(), n);
    transport.in->remove_prefix(n);
    return static_cast<int>(n);
}

int TlsEngine::bio_write(BIO* bio, const char* data, int size) {
    auto& transport = *static_cast<Transport*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (transport.out == nullptr) {
        return size;  // nobody listens any more: the connection is being taken down
    }
    transport.out->append(data, static_cast<std::size_t>(size));
    return size;
}

long TlsEngine::bio_control(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

TlsEngine::TlsEngine(std::shared_ptr<SSL_CTX> context, Side side, const std::string& server_name)
    : context_(std::move(context)), ssl_(SSL_new(context_.get())) {
    BIO* bio = ssl_ ? BIO_new(bio_method()) : nullptr;
    if (bio == nullptr) {
        throw std::bad_alloc();
    }
    BIO_set_data(bio, &transport_);
    SSL_set_bio(ssl_.get(), bio, bio);
    if (side == Side::server) {
        SSL_set_accept_state(ssl_.get());
        return;
    }
    SSL_set_connect_state(ssl_.get());
    if (!server_name.empty()) {
        if (is_address(server_name)) {
            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), server_name.c_str());
        } else {
            // What the macro SSL_set_tlsext_host_name does, without its C cast.
            SSL_ctrl(ssl_.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                     const_cast<char*>(server_name.c_str()));
            SSL_set1_host(ssl_.get(), server_name.c_str());
        }
    }
}

TlsStatus TlsEngine::handshake(std::string_view& in, std::string& out) {
    transport_ = {&in, &out};
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    const TlsStatus status = outcome(result);
    ERR_clear_error();  // what OpenSSL tried on the way, such as a ticket that it cannot open
    transport_ = {};
    established_ = established_ || result == 1;
    return status;
}

TlsStatus TlsEngine::read(std::string_view& in, std::span<char> plain, std::size_t& size, std::string& out) {
    transport_ = {&in, &out};
    size = 0;
    const int result = SSL_read_ex(ssl_.get(), plain.data(), plain.size(), &size);
    const TlsStatus status = outcome(result);
    transport_ = {};
    return status;
}

TlsStatus TlsEngine::write(std::string_view plain, std::string& out) {
    transport_ = {nullptr, &out};
    TlsStatus status = TlsStatus::ok;
    while (!plain.empty() && status == TlsStatus::ok) {
        std::size_t written = 0;
        status = outcome(SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written));
        plain.remove_prefix(written);
    }
    transport_ = {};
    return status;
}

std::string_view TlsEngine::server_name() const noexcept {
    const char* const name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? std::string_view() : std::string_view(name);
}

void TlsEngine::shutdown(std::string& out) {
    if (!established_ || failure_ != TlsFailure::none) {
        return;
    }
    transport_ = {nullptr, &out};
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
    transport_ = {};
}

TlsStatus TlsEngine::outcome(int result) {
    if (result == 1) {
        return TlsStatus::ok;
    }
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
            return TlsStatus::want_more;
        case SSL_ERROR_ZERO_RETURN:
            return TlsStatus::closed;
        default:
            note_failure();
            ERR_clear_error();
            return TlsStatus::failed;
    }
}

void TlsEngine::note_failure() {
    const unsigned long error = ERR_peek_error();
    failure_ = TlsFailure::other;
    const char* reason = ERR_reason_error_string(error);
    failure_text_ = reason == nullptr ? "the connection ended" : reason;
    if (const long verified = SSL_get_verify_result(ssl_.get()); verified != X509_V_OK) {
        failure_text_ += std::string(": ") + X509_verify_cert_error_string(verified);
    }
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) {
        return;
    }
    switch (ERR_GET_REASON(error)) {
        case SSL_R_HTTP_REQUEST:
        case SSL_R_HTTPS_PROXY_REQUEST:
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_BAD_PACKET_LENGTH:
            failure_ = TlsFailure::plaintext;
            break;
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_VERSION_TOO_LOW:
        case SSL_R_NO_PROTOCOLS_AVAILABLE:
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
            failure_ = TlsFailure::version;
            break;
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
            failure_ = TlsFailure::certificate;
            break;
        default:
            break;
    }
}

}  // namespace portal::net
