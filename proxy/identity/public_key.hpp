// A key that signatures of tokens are checked with. What it is decides the algorithm; a token never does. Immutable and
// shared by threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <openssl/types.h>

namespace portal::identity {

enum class Algorithm : std::uint8_t {
    rs256,  // RSA, 2,048 to 8,192 bits
    es256,  // the curve P-256
    eddsa,  // Ed25519
};

/// As the header of a token names it; empty for any other, `none` and those with shared secrets included.
[[nodiscard]] std::optional<Algorithm> algorithm_of(std::string_view name) noexcept;
[[nodiscard]] std::string_view name_of(Algorithm algorithm) noexcept;

class PublicKey {
  public:
    // The parts are bytes, as they stand behind the base64url of a key set. Empty where they make no sound key.
    [[nodiscard]] static std::optional<PublicKey> rsa(std::string_view modulus, std::string_view exponent);
    [[nodiscard]] static std::optional<PublicKey> p256(std::string_view x, std::string_view y);
    [[nodiscard]] static std::optional<PublicKey> ed25519(std::string_view x);

    [[nodiscard]] Algorithm algorithm() const noexcept { return algorithm_; }
    /// SHA-256 of the key itself, whatever it is called.
    [[nodiscard]] const std::string& thumbprint() const noexcept { return thumbprint_; }
    /// `signature` as a token carries it.
    [[nodiscard]] bool verify(std::string_view message, std::string_view signature) const;

  private:
    PublicKey(std::shared_ptr<EVP_PKEY> key, Algorithm algorithm, std::string thumbprint);
    [[nodiscard]] static std::optional<PublicKey> of(std::shared_ptr<EVP_PKEY> key, Algorithm algorithm);

    std::shared_ptr<EVP_PKEY> key_;
    Algorithm algorithm_;
    std::string thumbprint_;
};

}  // namespace portal::identity
