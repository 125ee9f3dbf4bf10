// Keys made at test time, the JWKS that publishes them, and tokens signed with them: good ones, and whatever a forger
// would make.
#pragma once

#include "identity/public_key.hpp"

#include <memory>
#include <string>
#include <string_view>

#include <openssl/types.h>

namespace portal::identity::testing {

[[nodiscard]] std::string encode_base64url(std::string_view bytes);

class SigningKey {
  public:
    /// `bits` of RSA.
    explicit SigningKey(Algorithm algorithm, std::string id, unsigned bits = 2048);

    /// One element of a JWKS; `extra` goes in as it is, such as `"use":"enc",`.
    [[nodiscard]] std::string jwk(std::string_view extra = {}) const;
    /// With the header that belongs to the key.
    [[nodiscard]] std::string token(std::string_view payload) const;
    /// Signed with this key, whatever the header says.
    [[nodiscard]] std::string token(std::string_view header, std::string_view payload) const;
    [[nodiscard]] std::string sign(std::string_view message) const;
    [[nodiscard]] std::string header() const;
    /// SubjectPublicKeyInfo in PEM: what a forger takes for a shared secret.
    [[nodiscard]] std::string public_pem() const;
    [[nodiscard]] const std::string& id() const { return id_; }

  private:
    Algorithm algorithm_;
    std::string id_;
    std::shared_ptr<EVP_PKEY> key_;
};

/// A JWKS of these elements, with commas between them.
[[nodiscard]] std::string key_set(std::string_view elements);
/// HMAC-SHA256, as HS256 has it.
[[nodiscard]] std::string hmac(std::string_view secret, std::string_view message);

}  // namespace portal::identity::testing
