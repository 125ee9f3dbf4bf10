// PEM text to OpenSSL objects and back. A `library` of nullptr means OpenSSL's default library context.
#pragma once

#include "certs/error.hpp"
#include "certs/openssl_handles.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace portal::certs {

/// All certificates of the text in their order; other blocks (keys) are passed over. An error when there is none or
/// when one is damaged. `name` is what error sentences call the text, usually the file's path.
Result<std::vector<X509Handle>> parse_certificates(std::string_view pem, const std::string& name,
                                                   OSSL_LIB_CTX* library = nullptr);

/// The first private key of the text. An encrypted key is an error: a portal has nobody to ask for a passphrase.
Result<PkeyHandle> parse_private_key(std::string_view pem, const std::string& name, OSSL_LIB_CTX* library = nullptr);

Result<std::string> certificate_to_pem(X509* certificate);
Result<std::string> private_key_to_pem(EVP_PKEY* key);

}  // namespace portal::certs
