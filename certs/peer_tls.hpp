// TLS towards a server that we connect to: a node, etcd, the Kubernetes API. The one place that says what of its files
// counts, and when they are read. The server is always verified; expect_peer says for which name. Blocking file reads;
// not for a shard's thread.
#pragma once

#include "certs/tls_context.hpp"

#include <memory>
#include <optional>
#include <string>

namespace portal::certs {

struct PeerTlsFiles {
    std::optional<std::string> ca;           // who may have signed the server; empty: the system's trust store
    std::optional<std::string> certificate;  // shown to a server that asks; needs the key
    std::optional<std::string> key;

    bool operator==(const PeerTlsFiles&) const = default;
};

/// The rules: files are read again before they are used, so that renewed ones count for the next connection. What was
/// read last counts on while they are no good, and a pair that has ended meanwhile is still shown while its files are
/// the same. Connections keep the context that they began with. The system's trust store is read once.
class PeerTls {
  public:
    PeerTls() = default;
    explicit PeerTls(PeerTlsFiles files) : files_(std::move(files)) {}

    [[nodiscard]] const PeerTlsFiles& files() const { return files_; }

    /// Reads the files, and sees whether a context can be made of them. On an error, one sentence, all is as before.
    Result<void> load();
    /// A context for one thread (see TlsContext), by what was read last.
    [[nodiscard]] Result<std::shared_ptr<TlsContext>> make_context() const { return TlsContext::client(read_); }
    /// Of what was read last; null when there is none.
    [[nodiscard]] const CertificateMaterialPtr& certificate() const { return read_.identity; }

    /// Reads the files and gives the context for connections of this thread: the same one while nothing has changed. An
    /// error only when they have never been good; later it is logged, once for each cause.
    Result<std::shared_ptr<TlsContext>> current();
    /// What was wrong with the files when current() read them last; empty: nothing.
    [[nodiscard]] const std::string& complaint() const { return complaint_; }

  private:
    Result<std::shared_ptr<TlsContext>> renew();

    PeerTlsFiles files_;
    ClientTlsOptions read_;
    std::shared_ptr<TlsContext> current_;  // of current() only
    std::string complaint_;
};

}  // namespace portal::certs
