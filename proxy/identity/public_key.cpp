#include "identity/public_key.hpp"

#include "certs/openssl_handles.hpp"

#include <array>
#include <utility>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

namespace portal::identity {

namespace {

using certs::Handle;
using Number = certs::BignumHandle;
using Context = Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using DigestContext = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;
using ParameterBuilder = Handle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Parameters = Handle<OSSL_PARAM, OSSL_PARAM_free>;
using Signature = Handle<ECDSA_SIG, ECDSA_SIG_free>;

constexpr std::size_t kP256Bytes = 32;
constexpr std::size_t kEd25519Bytes = 32;
constexpr int kFewestRsaBits = 2048;
constexpr int kMostRsaBits = 8192;
/// A longer exponent only makes checks slow.
constexpr int kMostExponentBits = 64;

const unsigned char* bytes_of(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}

Number number_of(std::string_view bytes) {
    return Number(BN_bin2bn(bytes_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

/// What OpenSSL has noted about an input that it refused would be read as the reason of something else later.
struct ErrorsForgotten {
    ErrorsForgotten() = default;
    ErrorsForgotten(const ErrorsForgotten&) = delete;
    ErrorsForgotten& operator=(const ErrorsForgotten&) = delete;
    ~ErrorsForgotten() { ERR_clear_error(); }
};

std::shared_ptr<EVP_PKEY> make_key(const char* type, OSSL_PARAM_BLD* builder) {
    const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
    const Context context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* key = nullptr;
    if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
        return nullptr;
    }
    std::shared_ptr<EVP_PKEY> made(key, EVP_PKEY_free);
    const Context check(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    return check && EVP_PKEY_public_check(check.get()) == 1 ? made : nullptr;
}

/// A token has both numbers one behind the other, OpenSSL wants them in DER. Empty: of another length.
std::string der_of(std::string_view raw) {
    if (raw.size() != 2 * kP256Bytes) {
        return {};
    }
    const Signature signature(ECDSA_SIG_new());
    Number r = number_of(raw.substr(0, kP256Bytes));
    Number s = number_of(raw.substr(kP256Bytes));
    if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) {
        return {};
    }
    (void)r.release();
    (void)s.release();
    unsigned char* der = nullptr;
    const int size = i2d_ECDSA_SIG(signature.get(), &der);
    const std::string text = size > 0 ? std::string(reinterpret_cast<char*>(der), static_cast<std::size_t>(size)) : "";
    OPENSSL_free(der);
    return text;
}

}  // namespace

std::optional<Algorithm> algorithm_of(std::string_view name) noexcept {
    for (const Algorithm each : {Algorithm::rs256, Algorithm::es256, Algorithm::eddsa}) {
        if (name == name_of(each)) {
            return each;
        }
    }
    return std::nullopt;
}

std::string_view name_of(Algorithm algorithm) noexcept {
    switch (algorithm) {
        case Algorithm::rs256:
            return "RS256";
        case Algorithm::es256:
            return "ES256";
        case Algorithm::eddsa:
            break;
    }
    return "EdDSA";
}

PublicKey::PublicKey(std::shared_ptr<EVP_PKEY> key, Algorithm algorithm, std::string thumbprint)
    : key_(std::move(key)), algorithm_(algorithm), thumbprint_(std::move(thumbprint)) {}

std::optional<PublicKey> PublicKey::of(std::shared_ptr<EVP_PKEY> key, Algorithm algorithm) {
    unsigned char* der = nullptr;
    const int size = key ? i2d_PUBKEY(key.get(), &der) : -1;
    if (size <= 0) {
        return std::nullopt;
    }
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(der, static_cast<std::size_t>(size), digest.data());
    OPENSSL_free(der);
    return PublicKey(std::move(key), algorithm, std::string(reinterpret_cast<char*>(digest.data()), digest.size()));
}

std::optional<PublicKey> PublicKey::rsa(std::string_view modulus, std::string_view exponent) {
    const ErrorsForgotten forgotten;
    if (modulus.size() > kMostRsaBits / 8 || exponent.size() > kMostExponentBits / 8) {
        return std::nullopt;
    }
    const Number n = number_of(modulus);
    const Number e = number_of(exponent);
    const ParameterBuilder builder(OSSL_PARAM_BLD_new());
    if (!n || !e || !builder || BN_num_bits(n.get()) < kFewestRsaBits || BN_is_odd(n.get()) == 0 ||
        BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) == 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
        return std::nullopt;
    }
    return of(make_key("RSA", builder.get()), Algorithm::rs256);
}

std::optional<PublicKey> PublicKey::p256(std::string_view x, std::string_view y) {
    const ErrorsForgotten forgotten;
    const ParameterBuilder builder(OSSL_PARAM_BLD_new());
    if (x.size() != kP256Bytes || y.size() != kP256Bytes || !builder) {
        return std::nullopt;
    }
    const std::string point = std::string(1, '\x04') + std::string(x) + std::string(y);
    if (OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
        return std::nullopt;
    }
    return of(make_key("EC", builder.get()), Algorithm::es256);
}

std::optional<PublicKey> PublicKey::ed25519(std::string_view x) {
    const ErrorsForgotten forgotten;
    if (x.size() != kEd25519Bytes) {
        return std::nullopt;
    }
    std::shared_ptr<EVP_PKEY> key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(x), x.size()),
                                  EVP_PKEY_free);
    return of(std::move(key), Algorithm::eddsa);
}

bool PublicKey::verify(std::string_view message, std::string_view signature) const {
    const ErrorsForgotten forgotten;
    const std::string der = algorithm_ == Algorithm::es256 ? der_of(signature) : std::string();
    const std::string_view given = algorithm_ == Algorithm::es256 ? std::string_view(der) : signature;
    const EVP_MD* digest = algorithm_ == Algorithm::eddsa ? nullptr : EVP_sha256();
    const DigestContext context(EVP_MD_CTX_new());
    return !given.empty() && context &&
           EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1 &&
           EVP_DigestVerify(context.get(), bytes_of(given), given.size(), bytes_of(message), message.size()) == 1;
}

}  // namespace portal::identity
