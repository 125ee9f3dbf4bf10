#include "certs/peer_tls.hpp"

#include "observe/log.hpp"

#include <utility>

namespace portal::certs {

/// A context by what the files hold now; null when they hold what was read before.
Result<std::shared_ptr<TlsContext>> PeerTls::renew() {
    ClientTlsOptions fresh;
    if (files_.ca) {
        auto authorities = load_authorities(*files_.ca);
        if (!authorities) {
            return authorities.error();
        }
        fresh.authorities_pem = std::move(*authorities);
    }
    if (files_.certificate && files_.key) {
        auto identity = renew_pair({*files_.certificate, *files_.key, std::nullopt}, read_.identity);
        if (!identity) {
            return identity.error();
        }
        fresh.identity = std::move(*identity);
    }
    if (fresh.authorities_pem == read_.authorities_pem && fresh.identity == read_.identity) {
        return std::shared_ptr<TlsContext>();
    }
    auto context = TlsContext::client(fresh);
    if (context) {
        read_ = std::move(fresh);
    }
    return context;
}

Result<void> PeerTls::load() {
    const auto renewed = renew();
    return renewed ? Result<void>() : renewed.error();
}

Result<std::shared_ptr<TlsContext>> PeerTls::current() {
    auto renewed = renew();
    std::string complaint = renewed ? std::string() : renewed.error().message;
    if (current_ && complaint != complaint_ && !complaint.empty()) {
        observe::log_warn("certs", "TLS files are no good; what was read before counts on", {{"error", complaint}});
    }
    complaint_ = std::move(complaint);
    if (renewed && *renewed) {
        current_ = std::move(*renewed);
    } else if (renewed && !current_) {
        renewed = make_context();
        current_ = renewed ? *renewed : nullptr;
    }
    return current_ ? current_ : renewed;
}

}  // namespace portal::certs
