// Loads certificate files, checks that they can be served, and notices when they change. What it hands out is immutable
// and may be read from any thread. Blocking file reads; not for a shard's thread.
#pragma once

#include "certs/certificate_description.hpp"
#include "certs/error.hpp"
#include "certs/pem_files.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace portal::certs {

struct CertificateFiles {
    std::string certificate;  // leaf first, then the intermediates
    std::string key;
    std::optional<std::string> client_ca;  // clients must show a certificate that one of these signed

    bool operator==(const CertificateFiles&) const = default;
};

/// A pair that was checked: the key fits, the leaf is valid now. Keeps the PEM bytes, because every TlsContext parses
/// them anew in its own OpenSSL library context. Wipes the key when it goes.
struct CertificateMaterial {
    CertificateFiles files;
    std::string certificate_pem;
    std::string key_pem;
    std::optional<std::string> client_ca_pem;
    CertificateDescription leaf;
    std::size_t chain_length = 0;  // intermediates after the leaf
    std::vector<CertificateDescription> client_authorities;
    Sha256 content_hash{};  // of all files together

    CertificateMaterial() = default;
    CertificateMaterial(const CertificateMaterial&) = delete;
    CertificateMaterial& operator=(const CertificateMaterial&) = delete;
    ~CertificateMaterial();
};

using CertificateMaterialPtr = std::shared_ptr<const CertificateMaterial>;

/// Reads and checks; each thing that can be wrong has its own sentence.
Result<CertificateMaterialPtr> load_pair(const CertificateFiles& files,
                                         TimePoint now = std::chrono::system_clock::now());

/// The same; but a pair whose files are those of `present` and have not changed stays as it is, even when it could not
/// be loaded any more since it has ended. `present` may be null.
Result<CertificateMaterialPtr> renew_pair(const CertificateFiles& files, const CertificateMaterialPtr& present);

/// The certificates of a PEM file whose holders are trusted to sign, as PEM; an error when one of them is not a CA.
Result<std::string> load_authorities(const std::string& file);

/// Every certificate of a PEM file, in the file's order.
Result<std::vector<CertificateDescription>> describe(const std::string& file);

/// Says when the files hold something else than before. Compares contents, not times: Kubernetes swaps a symbolic link.
/// Poll it every half minute and on SIGHUP; after true, call load_pair and keep the old material when that fails.
class CertificateWatcher {
  public:
    explicit CertificateWatcher(const CertificateMaterial& loaded) : files_(loaded.files), seen_(loaded.content_hash) {}
    /// For files that could not be loaded yet.
    explicit CertificateWatcher(CertificateFiles files) : files_(std::move(files)) {}

    /// True once for each new content, also when it is broken or a file is gone, so that a failure is reported once.
    bool changed();

  private:
    CertificateFiles files_;
    std::optional<Sha256> seen_;
};

}  // namespace portal::certs
