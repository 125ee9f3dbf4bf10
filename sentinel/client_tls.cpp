#include "sentinel/client_tls.hpp"

#include <boost/asio/ip/address.hpp>

namespace portal::sentinel {
namespace asio = boost::asio;

std::unique_ptr<asio::ssl::context> client_tls_context(const config::NodeTls& tls) {
    auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
    context->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
    context->set_verify_mode(asio::ssl::verify_peer);
    if (tls.ca) {
        context->load_verify_file(*tls.ca);
    } else {
        context->set_default_verify_paths();
    }
    if (tls.certificate) {
        context->use_certificate_chain_file(*tls.certificate);
    }
    if (tls.key) {
        context->use_private_key_file(*tls.key, asio::ssl::context::pem);
    }
    return context;
}

void announce_server(SSL* ssl, const std::string& name) {
    boost::system::error_code is_name;
    asio::ip::make_address(name, is_name);
    if (is_name) {
        // RFC 6066: names only, no addresses. The macro SSL_set_tlsext_host_name casts in the old style.
        std::string copy = name;
        SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, copy.data());
    }
}

}  // namespace portal::sentinel
