#include "net/http/http_connection.hpp"

#include <tuple>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

namespace portal::net {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

}  // namespace

HttpConnection::TlsStream& HttpConnection::secure(std::shared_ptr<certs::TlsContext> context) {
    tls_context = std::move(context);
    asio_context.emplace(tls_context->share());
    tls = std::make_unique<TlsStream>(stream, *asio_context);
    return *tls;
}

HttpConnection::Outcome HttpConnection::write(const Message& message) {
    error_code error;
    std::size_t count = 0;
    if (tls) {
        std::tie(error, count) = co_await http::async_write(*tls, message, kAwait);
    } else {
        std::tie(error, count) = co_await http::async_write(stream, message, kAwait);
    }
    co_return error;
}

HttpConnection::Outcome HttpConnection::read(Parser& parser) {
    error_code error;
    std::size_t count = 0;
    if (tls) {
        std::tie(error, count) = co_await http::async_read(*tls, buffer, parser, kAwait);
    } else {
        std::tie(error, count) = co_await http::async_read(stream, buffer, parser, kAwait);
    }
    co_return error;
}

HttpConnection::Outcome HttpConnection::read_header(Parser& parser) {
    error_code error;
    std::size_t count = 0;
    if (tls) {
        std::tie(error, count) = co_await http::async_read_header(*tls, buffer, parser, kAwait);
    } else {
        std::tie(error, count) = co_await http::async_read_header(stream, buffer, parser, kAwait);
    }
    co_return error;
}

HttpConnection::Outcome HttpConnection::read_some(Parser& parser) {
    error_code error;
    std::size_t count = 0;
    if (tls) {
        std::tie(error, count) = co_await http::async_read_some(*tls, buffer, parser, kAwait);
    } else {
        std::tie(error, count) = co_await http::async_read_some(stream, buffer, parser, kAwait);
    }
    co_return error;
}

}  // namespace portal::net
