#include "tests/unit/identity/token_maker.hpp"

#include <array>
#include <stdexcept>
#include <vector>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace portal::identity::testing {

namespace {

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

EVP_PKEY* make(Algorithm algorithm, unsigned bits) {
    switch (algorithm) {
        case Algorithm::rs256:
            return EVP_RSA_gen(bits);
        case Algorithm::es256:
            return EVP_EC_gen("P-256");
        case Algorithm::eddsa:
            break;
    }
    return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
}

std::string number_of(const EVP_PKEY* key, const char* name, int size = 0) {
    BIGNUM* number = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &number) != 1) {
        throw std::runtime_error(name);
    }
    std::string bytes(static_cast<std::size_t>(size > 0 ? size : BN_num_bytes(number)), '\0');
    BN_bn2binpad(number, bytes_of(bytes), static_cast<int>(bytes.size()));
    BN_free(number);
    return bytes;
}

std::string field(std::string_view name, std::string_view bytes) {
    return "\"" + std::string(name) + "\":\"" + encode_base64url(bytes) + "\"";
}

/// As JOSE wants it: both numbers, 32 bytes each.
std::string raw_of(const std::string& der) {
    const unsigned char* at = bytes_of(std::string_view(der));
    ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    std::string raw(64, '\0');
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), bytes_of(raw), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), bytes_of(raw) + 32, 32);
    ECDSA_SIG_free(signature);
    return raw;
}

}  // namespace

std::string encode_base64url(std::string_view bytes) {
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string text;
    unsigned kept = 0;
    unsigned bits = 0;
    for (const char c : bytes) {
        kept = (kept << 8U | static_cast<unsigned char>(c)) & 0xffffU;
        for (bits += 8; bits >= 6; bits -= 6) {
            text += kDigits[(kept >> (bits - 6)) & 63U];
        }
    }
    return bits > 0 ? text + kDigits[(kept << (6 - bits)) & 63U] : text;
}

SigningKey::SigningKey(Algorithm algorithm, std::string id, unsigned bits)
    : algorithm_(algorithm), id_(std::move(id)), key_(make(algorithm, bits), EVP_PKEY_free) {}

std::string SigningKey::jwk(std::string_view extra) const {
    const std::string begin = "{" + std::string(extra) + "\"kid\":\"" + id_ + "\",";
    switch (algorithm_) {
        case Algorithm::rs256:
            return begin + "\"kty\":\"RSA\"," + field("n", number_of(key_.get(), OSSL_PKEY_PARAM_RSA_N)) + "," +
                   field("e", number_of(key_.get(), OSSL_PKEY_PARAM_RSA_E)) + "}";
        case Algorithm::es256:
            return begin + "\"kty\":\"EC\",\"crv\":\"P-256\"," +
                   field("x", number_of(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, 32)) + "," +
                   field("y", number_of(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, 32)) + "}";
        case Algorithm::eddsa:
            break;
    }
    std::string x(32, '\0');
    std::size_t size = x.size();
    EVP_PKEY_get_raw_public_key(key_.get(), bytes_of(x), &size);
    return begin + "\"kty\":\"OKP\",\"crv\":\"Ed25519\"," + field("x", x) + "}";
}

std::string SigningKey::header() const {
    return R"({"alg":")" + std::string(name_of(algorithm_)) + R"(","typ":"JWT","kid":")" + id_ + "\"}";
}

std::string SigningKey::sign(std::string_view message) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    const EVP_MD* digest = algorithm_ == Algorithm::eddsa ? nullptr : EVP_sha256();
    std::string signature(2048, '\0');
    std::size_t size = signature.size();
    const bool good = EVP_DigestSignInit(context, nullptr, digest, nullptr, key_.get()) == 1 &&
                      EVP_DigestSign(context, bytes_of(signature), &size, bytes_of(message), message.size()) == 1;
    EVP_MD_CTX_free(context);
    if (!good) {
        throw std::runtime_error("cannot sign");
    }
    signature.resize(size);
    return algorithm_ == Algorithm::es256 ? raw_of(signature) : signature;
}

std::string SigningKey::token(std::string_view header, std::string_view payload) const {
    const std::string message = encode_base64url(header) + "." + encode_base64url(payload);
    return message + "." + encode_base64url(sign(message));
}

std::string SigningKey::token(std::string_view payload) const {
    return token(header(), payload);
}

std::string SigningKey::public_pem() const {
    BIO* memory = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(memory, key_.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory, &data);
    std::string pem(data, static_cast<std::size_t>(size));
    BIO_free(memory);
    return pem;
}

std::string key_set(std::string_view elements) {
    return R"({"keys":[)" + std::string(elements) + "]}";
}

std::string hmac(std::string_view secret, std::string_view message) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes_of(message), message.size(), digest.data(),
         &size);
    return {reinterpret_cast<char*>(digest.data()), size};
}

}  // namespace portal::identity::testing
