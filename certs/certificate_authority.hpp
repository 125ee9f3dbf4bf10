// Makes a certificate authority and the certificates that it signs: ECDSA P-256 throughout. For people without a
// certificate authority of their own, for the demo and for the tests. Blocking; not for a shard's thread.
#pragma once

#include "certs/certificate_description.hpp"
#include "certs/error.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace portal::certs {

using Days = std::chrono::days;

/// A certificate and its private key, both PEM. Wipes the key when it goes.
struct PemPair {
    std::string certificate;
    std::string key;

    PemPair() = default;
    PemPair(std::string certificate_pem, std::string key_pem);
    PemPair(PemPair&&) noexcept = default;
    PemPair& operator=(PemPair&&) noexcept = default;
    PemPair(const PemPair&) = delete;
    PemPair& operator=(const PemPair&) = delete;
    ~PemPair();
};

struct LeafRequest {
    std::vector<std::string> names;  // DNS names and IPv4 or IPv6 addresses, at least one
    Days valid_for{397};
};

/// Signs leaf certificates (server and client use) with one CA. `now` is the moment that the validity counts from.
class CertificateAuthority {
  public:
    static Result<CertificateAuthority> create(const std::string& common_name, Days valid_for, TimePoint now);
    static Result<CertificateAuthority> from_pem(PemPair pem, const std::string& certificate_name,
                                                 const std::string& key_name);

    /// A leaf never outlives its CA: its end is cut to the CA's.
    Result<PemPair> issue(const LeafRequest& request, TimePoint now) const;
    const PemPair& pem() const { return pem_; }

  private:
    explicit CertificateAuthority(PemPair pem) : pem_(std::move(pem)) {}

    PemPair pem_;
};

struct InitOptions {
    std::string leaf_name = "tls";  // the leaf is written to <leaf_name>.crt and <leaf_name>.key
    Days leaf_valid_for{397};
    Days authority_valid_for{3650};
    std::string authority_common_name = "redis-portal CA";
    TimePoint now = std::chrono::system_clock::now();
};

struct InitializedDirectory {
    bool made_authority = false;  // false: the CA that was there signed the new leaf
    CertificateDescription authority;
    CertificateDescription leaf;
    std::string ca_file;
    std::string certificate_file;
    std::string key_file;
};

/// Writes ca.crt, ca.key, tls.crt and tls.key into `directory` (made when absent); keys are readable by the owner only.
/// A CA that is there is kept and signs a new leaf, which replaces the old one; half a CA is an error.
Result<InitializedDirectory> init_directory(const std::string& directory, const std::vector<std::string>& names,
                                            const InitOptions& options = {});

}  // namespace portal::certs
