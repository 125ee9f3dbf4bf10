#include "certs/cert_store.hpp"

#include "certs/pem.hpp"

#include <utility>

#include <openssl/crypto.h>
#include <openssl/err.h>

namespace portal::certs {

namespace {

/// Each part goes in with a tag and its length, so that bytes that move from one file to another change the hash.
void append_part(std::string& joined, const char* tag, const std::string& content) {
    joined += tag;
    joined += std::to_string(content.size());
    joined += ':';
    joined += content;
}

Sha256 content_hash(const std::string& certificate, const std::string& key,
                    const std::optional<std::string>& client_ca) {
    std::string joined;
    joined.reserve(certificate.size() + key.size() + (client_ca ? client_ca->size() : 0) + 64);
    append_part(joined, "certificate", certificate);
    append_part(joined, "key", key);
    if (client_ca) {
        append_part(joined, "client_ca", *client_ca);
    }
    const Sha256 digest = sha256(joined);
    OPENSSL_cleanse(joined.data(), joined.size());
    return digest;
}

Result<void> check_leaf(X509* leaf, EVP_PKEY* key, const CertificateFiles& files, const CertificateDescription& says,
                        TimePoint now) {
    if (X509_check_private_key(leaf, key) != 1) {
        ERR_clear_error();
        return Error{files.key + " is not the key of the first certificate in " + files.certificate +
                     "; give the two files that were made together, leaf certificate first"};
    }
    if (says.not_after <= now) {
        return Error{files.certificate + " ended on " + format_time(says.not_after) +
                     "; renew it (redis-portal certs init makes a new one)"};
    }
    if (says.not_before > now) {
        return Error{files.certificate + " is not valid before " + format_time(says.not_before) +
                     "; check this machine's clock or wait"};
    }
    return {};
}

Result<std::vector<CertificateDescription>> describe_authorities(const std::string& pem, const std::string& file) {
    const auto certificates = parse_certificates(pem, file);
    if (!certificates) {
        return certificates.error();
    }
    std::vector<CertificateDescription> authorities;
    for (const X509Handle& certificate : *certificates) {
        authorities.push_back(describe_certificate(certificate.get()));
        if (!authorities.back().is_authority) {
            return Error{file + " holds " + authorities.back().subject +
                         ", which is not a CA certificate; give the certificate of the CA that signs"};
        }
    }
    return authorities;
}

}  // namespace

CertificateMaterial::~CertificateMaterial() {
    OPENSSL_cleanse(key_pem.data(), key_pem.size());
}

Result<CertificateMaterialPtr> load_pair(const CertificateFiles& files, TimePoint now) {
    auto material = std::make_shared<CertificateMaterial>();
    material->files = files;

    auto certificate_pem = read_pem_file(files.certificate);
    if (!certificate_pem) {
        return certificate_pem.error();
    }
    material->certificate_pem = std::move(*certificate_pem);
    auto key_pem = read_pem_file(files.key);
    if (!key_pem) {
        return key_pem.error();
    }
    material->key_pem = std::move(*key_pem);

    const auto certificates = parse_certificates(material->certificate_pem, files.certificate);
    if (!certificates) {
        return certificates.error();
    }
    const auto key = parse_private_key(material->key_pem, files.key);
    if (!key) {
        return key.error();
    }
    X509* leaf = certificates->front().get();
    material->leaf = describe_certificate(leaf);
    material->chain_length = certificates->size() - 1;
    if (const auto checked = check_leaf(leaf, key->get(), files, material->leaf, now); !checked) {
        return checked.error();
    }
    if (files.client_ca) {
        auto client_ca_pem = read_pem_file(*files.client_ca);
        if (!client_ca_pem) {
            return client_ca_pem.error();
        }
        auto authorities = describe_authorities(*client_ca_pem, *files.client_ca);
        if (!authorities) {
            return authorities.error();
        }
        material->client_ca_pem = std::move(*client_ca_pem);
        material->client_authorities = std::move(*authorities);
    }
    material->content_hash = content_hash(material->certificate_pem, material->key_pem, material->client_ca_pem);
    return CertificateMaterialPtr(std::move(material));
}

Result<std::string> load_authorities(const std::string& file) {
    auto pem = read_pem_file(file);
    if (!pem) {
        return pem;
    }
    if (const auto authorities = describe_authorities(*pem, file); !authorities) {
        return authorities.error();
    }
    return pem;
}

Result<std::vector<CertificateDescription>> describe(const std::string& file) {
    const auto pem = read_pem_file(file);
    if (!pem) {
        return pem.error();
    }
    const auto certificates = parse_certificates(*pem, file);
    if (!certificates) {
        return certificates.error();
    }
    std::vector<CertificateDescription> descriptions;
    for (const X509Handle& certificate : *certificates) {
        descriptions.push_back(describe_certificate(certificate.get()));
    }
    return descriptions;
}

bool CertificateWatcher::changed() {
    // A file that cannot be read stands as its error sentence: that too is a state that differs from others.
    const auto content = [](const std::string& file) {
        auto read = read_pem_file(file);
        return read ? std::move(*read) : std::move(read.error().message);
    };
    std::string key = content(files_.key);
    const Sha256 hash = content_hash(content(files_.certificate), key,
                                     files_.client_ca ? std::optional(content(*files_.client_ca)) : std::nullopt);
    OPENSSL_cleanse(key.data(), key.size());
    if (seen_ == hash) {
        return false;
    }
    seen_ = hash;
    return true;
}

Result<CertificateMaterialPtr> renew_pair(const CertificateFiles& files, const CertificateMaterialPtr& present) {
    if (present && present->files == files && !CertificateWatcher(*present).changed()) {
        return present;
    }
    return load_pair(files);
}

}  // namespace portal::certs
