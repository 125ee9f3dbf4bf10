// TLS towards servers that the monitor talks to: nodes, etcd, the Kubernetes API. The files are read anew for each
// connection, so that renewed certificates count from the next one on.
#pragma once

#include "config/config.hpp"

#include <memory>
#include <string>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>

namespace portal::sentinel {

/// TLS 1.2 or newer, with the server's certificate verified. Throws boost::system::system_error when a file is no good.
std::unique_ptr<boost::asio::ssl::context> client_tls_context(const config::NodeTls& tls);

/// Tells the server which name is meant; nothing when `name` is an address.
void announce_server(SSL* ssl, const std::string& name);

/// Asks for `name`, a DNS name or an address, and accepts no certificate for another.
template <class TlsStream>
void expect_server(TlsStream& stream, const std::string& name) {
    stream.set_verify_callback(boost::asio::ssl::host_name_verification(name));
    announce_server(stream.native_handle(), name);
}

}  // namespace portal::sentinel
