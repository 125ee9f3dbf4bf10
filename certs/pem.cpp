#include "certs/pem.hpp"

#include <limits>
#include <utility>

#include <openssl/err.h>
#include <openssl/pem.h>

namespace portal::certs {

namespace {

/// Stands in for OpenSSL's default, which would ask on the terminal. Notes in `asked` that a passphrase was wanted.
int refuse_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

BioHandle read_only_bio(std::string_view text) {
    if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
        return nullptr;
    }
    return BioHandle(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Result<std::string> bio_text(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    if (size <= 0) {
        return openssl_error("Cannot encode as PEM");
    }
    return std::string(data, static_cast<std::size_t>(size));
}

}  // namespace

Result<std::vector<X509Handle>> parse_certificates(std::string_view pem, const std::string& name,
                                                   OSSL_LIB_CTX* library) {
    ERR_clear_error();
    const BioHandle bio = read_only_bio(pem);
    if (bio == nullptr) {
        return openssl_error(name + " cannot be read as PEM");
    }
    std::vector<X509Handle> certificates;
    for (;;) {
        X509* certificate = X509_new_ex(library, nullptr);
        if (certificate == nullptr) {
            return openssl_error("Cannot make room for a certificate of " + name);
        }
        bool asked = false;
        if (PEM_read_bio_X509(bio.get(), &certificate, refuse_passphrase, &asked) == nullptr) {
            // A failed decode may already have freed the object and cleared the pointer.
            X509_free(certificate);
            break;
        }
        certificates.emplace_back(certificate);
    }
    const unsigned long code = ERR_peek_last_error();
    if (ERR_GET_LIB(code) != ERR_LIB_PEM || ERR_GET_REASON(code) != PEM_R_NO_START_LINE) {
        return openssl_error(name + " holds a damaged certificate; write the PEM file again");
    }
    ERR_clear_error();
    if (certificates.empty()) {
        return Error{name + " holds no certificate; give a PEM file with a -----BEGIN CERTIFICATE----- block"};
    }
    return certificates;
}

Result<PkeyHandle> parse_private_key(std::string_view pem, const std::string& name, OSSL_LIB_CTX* library) {
    ERR_clear_error();
    const BioHandle bio = read_only_bio(pem);
    bool asked = false;
    PkeyHandle key(bio == nullptr
                       ? nullptr
                       : PEM_read_bio_PrivateKey_ex(bio.get(), nullptr, refuse_passphrase, &asked, library, nullptr));
    if (key != nullptr) {
        ERR_clear_error();
        return key;
    }
    if (asked) {
        ERR_clear_error();
        return Error{name + " is encrypted; store it without a passphrase (openssl pkey -in OLD -out NEW), mode 0600"};
    }
    return openssl_error(name +
                         " holds no usable private key; give a PEM file with a -----BEGIN PRIVATE KEY----- block");
}

Result<std::string> certificate_to_pem(X509* certificate) {
    const BioHandle bio(BIO_new(BIO_s_mem()));
    if (bio == nullptr || PEM_write_bio_X509(bio.get(), certificate) != 1) {
        return openssl_error("Cannot encode a certificate as PEM");
    }
    return bio_text(bio.get());
}

Result<std::string> private_key_to_pem(EVP_PKEY* key) {
    // The secure memory BIO wipes its buffer when it is freed.
    const BioHandle bio(BIO_new(BIO_s_secmem()));
    if (bio == nullptr || PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
        return openssl_error("Cannot encode a private key as PEM");
    }
    return bio_text(bio.get());
}

}  // namespace portal::certs
