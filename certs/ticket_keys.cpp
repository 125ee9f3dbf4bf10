#include "certs/ticket_keys.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/tls1.h>

namespace portal::certs {

namespace {

constexpr std::string_view kLabel = "redis-portal session tickets v1";
constexpr std::size_t kPrevious = 0;
constexpr std::size_t kCurrent = 1;

// OpenSSL's parameter structs point at mutable data but the calls below only read it.
OSSL_PARAM octets(const char* name, const void* data, std::size_t size) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<void*>(data), size);
}

OSSL_PARAM text(const char* name, const char* value) {
    return OSSL_PARAM_construct_utf8_string(name, const_cast<char*>(value), 0);
}

Result<void> check_rotation(std::chrono::seconds rotation) {
    if (rotation < std::chrono::seconds{1}) {
        return Error{"The rotation of session ticket keys must be at least one second"};
    }
    return {};
}

}  // namespace

TicketKey::~TicketKey() {
    OPENSSL_cleanse(cipher_key.data(), cipher_key.size());
    OPENSSL_cleanse(mac_key.data(), mac_key.size());
}

Result<std::shared_ptr<const TicketKeys>> TicketKeys::random(std::chrono::seconds rotation, Clock clock) {
    if (auto checked = check_rotation(rotation); !checked) {
        return checked.error();
    }
    std::vector<unsigned char> secret(kMinSecretSize);
    if (RAND_priv_bytes(secret.data(), static_cast<int>(secret.size())) != 1) {
        return openssl_error("Cannot draw a secret for session tickets");
    }
    return std::shared_ptr<const TicketKeys>(new TicketKeys(std::move(secret), rotation, std::move(clock)));
}

Result<std::shared_ptr<const TicketKeys>> TicketKeys::from_secret(std::string_view secret,
                                                                  std::chrono::seconds rotation, Clock clock) {
    if (auto checked = check_rotation(rotation); !checked) {
        return checked.error();
    }
    if (secret.size() < kMinSecretSize) {
        return Error{"The secret for session tickets must have at least " + std::to_string(kMinSecretSize) +
                     " bytes; make one with: openssl rand -base64 48"};
    }
    return std::shared_ptr<const TicketKeys>(
        new TicketKeys(std::vector<unsigned char>(secret.begin(), secret.end()), rotation, std::move(clock)));
}

TicketKeys::~TicketKeys() {
    OPENSSL_cleanse(secret_.data(), secret_.size());
}

std::uint64_t TicketKeys::current_epoch() const {
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(clock_().time_since_epoch());
    return static_cast<std::uint64_t>(std::max<std::int64_t>(now / rotation_, 0));
}

std::optional<TicketKey> TicketKeys::derive(std::uint64_t epoch, OSSL_LIB_CTX* library) const {
    // The rotation belongs to the label: the same epoch number under another rotation is another time.
    const std::string label =
        std::string(kLabel) + " rotation " + std::to_string(rotation_.count()) + " epoch " + std::to_string(epoch);
    const KdfHandle kdf(EVP_KDF_fetch(library, OSSL_KDF_NAME_HKDF, nullptr));
    const KdfContextHandle context(kdf == nullptr ? nullptr : EVP_KDF_CTX_new(kdf.get()));
    const std::array<OSSL_PARAM, 4> params{
        text(OSSL_KDF_PARAM_DIGEST, "SHA256"), octets(OSSL_KDF_PARAM_KEY, secret_.data(), secret_.size()),
        octets(OSSL_KDF_PARAM_INFO, label.data(), label.size()), OSSL_PARAM_construct_end()};
    TicketKey key;
    std::array<unsigned char, 16 + 32 + 32> material{};
    if (context == nullptr || EVP_KDF_derive(context.get(), material.data(), material.size(), params.data()) != 1) {
        ERR_clear_error();
        return std::nullopt;
    }
    std::memcpy(key.name.data(), material.data(), 16);
    std::memcpy(key.cipher_key.data(), material.data() + 16, 32);
    std::memcpy(key.mac_key.data(), material.data() + 48, 32);
    OPENSSL_cleanse(material.data(), material.size());
    return key;
}

TicketKeyRing::TicketKeyRing(std::shared_ptr<const TicketKeys> keys, OSSL_LIB_CTX* library)
    : keys_(std::move(keys)), library_(library), cipher_(EVP_CIPHER_fetch(library, "AES-256-CBC", nullptr)) {}

void TicketKeyRing::attach(SSL_CTX* context) {
    SSL_CTX_set_app_data(context, this);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
}

bool TicketKeyRing::refresh() {
    const std::uint64_t now = keys_->current_epoch();
    if (epoch_ == now) {
        return true;
    }
    std::array<TicketKey, 3> fresh;
    for (std::size_t i = 0; i < fresh.size(); ++i) {
        // Before the first epoch there is none: 0 - 1 wraps to a number that is never reached, which is harmless.
        const auto key = keys_->derive(now + i - 1, library_);
        if (!key) {
            return false;
        }
        fresh[i] = *key;
    }
    ring_ = fresh;
    epoch_ = now;
    return true;
}

const TicketKey* TicketKeyRing::sealing() {
    return refresh() ? &ring_[kCurrent] : nullptr;
}

std::optional<TicketKeyRing::Opening> TicketKeyRing::opening(std::span<const unsigned char, 16> name) {
    if (!refresh()) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < ring_.size(); ++i) {
        if (std::equal(name.begin(), name.end(), ring_[i].name.begin())) {
            return Opening{&ring_[i], i != kPrevious};
        }
    }
    return std::nullopt;
}

bool TicketKeyRing::prepare(const TicketKey& key, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                            bool encrypt) const {
    const std::array<OSSL_PARAM, 3> params{octets(OSSL_MAC_PARAM_KEY, key.mac_key.data(), key.mac_key.size()),
                                           text(OSSL_MAC_PARAM_DIGEST, "SHA256"), OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, params.data()) == 1 &&
           EVP_CipherInit_ex2(cipher, cipher_.get(), key.cipher_key.data(), iv, encrypt ? 1 : 0, nullptr) == 1;
}

// Return values as in SSL_CTX_set_tlsext_ticket_key_evp_cb(3): -1 failure, 0 no such key (full handshake), 1 ready,
// 2 ready and the client should get a fresh ticket.
int TicketKeyRing::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                             int sealing_ticket) {
    auto* ring = static_cast<TicketKeyRing*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    if (sealing_ticket != 0) {
        const TicketKey* key = ring->sealing();
        const int iv_size = EVP_CIPHER_get_iv_length(ring->cipher_.get());
        if (key == nullptr || RAND_bytes_ex(ring->library_, iv, static_cast<std::size_t>(iv_size), 0) != 1) {
            return -1;
        }
        std::memcpy(name, key->name.data(), key->name.size());
        return ring->prepare(*key, iv, cipher, mac, true) ? 1 : -1;
    }
    const auto opening = ring->opening(std::span<const unsigned char, 16>(name, 16));
    if (!opening) {
        return 0;
    }
    if (!ring->prepare(*opening->key, iv, cipher, mac, false)) {
        return -1;
    }
    return opening->current ? 1 : 2;
}

}  // namespace portal::certs
