// One connection of the HTTP client: TCP or a unix socket, plain or TLS, with the answer's bytes that were read too
// far. What it does fails once the stream's time has passed. For HttpClient only.
#pragma once

#include "certs/tls_context.hpp"

#include <memory>
#include <optional>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/error_code.hpp>

namespace portal::net {

struct HttpConnection {
    using Body = boost::beast::http::string_body;
    using Message = boost::beast::http::request<Body>;
    using Parser = boost::beast::http::response_parser<Body>;
    using Stream = boost::beast::basic_stream<boost::asio::generic::stream_protocol>;
    using TlsStream = boost::asio::ssl::stream<Stream&>;
    using Outcome = boost::asio::awaitable<boost::system::error_code>;

    explicit HttpConnection(const boost::asio::any_io_executor& executor) : stream(executor) {}

    /// From now on by TLS, in a context that is shared with others.
    TlsStream& secure(std::shared_ptr<certs::TlsContext> context);

    Outcome write(const Message& message);
    Outcome read(Parser& parser);
    Outcome read_header(Parser& parser);
    Outcome read_some(Parser& parser);

    Stream stream;
    std::shared_ptr<certs::TlsContext> tls_context;         // of tls
    std::optional<boost::asio::ssl::context> asio_context;  // the same, as Asio takes it
    std::unique_ptr<TlsStream> tls;                         // over stream; null: plain
    boost::beast::flat_buffer buffer;
    bool used = false;
};

}  // namespace portal::net
