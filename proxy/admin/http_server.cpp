#include "admin/http_server.hpp"

#include "admin/http_connection.hpp"
#include "admin/own_socket.hpp"
#include "observe/log.hpp"

#include <exception>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

namespace portal::admin {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Local = asio::local::stream_protocol;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr auto kAcceptPause = std::chrono::milliseconds(100);
/// The owner of the process alone comes in this way, and is not to wait behind those who come over the network.
constexpr std::size_t kSocketConnections = 16;

}  // namespace

struct ServerCore {
    ServerCore(ServerOptions given_options, Respond given_respond)
        : options(std::move(given_options)), respond(std::move(given_respond)), over_tcp(options.max_connections) {}

    const ServerOptions options;
    const Respond respond;
    ConnectionBudget over_tcp;
    ConnectionBudget over_socket{kSocketConnections};
    OwnSocket socket;
    // Last, so that the coroutines in it end while the members above still live.
    asio::io_context context{1};
};

namespace {

void log_escape(std::exception_ptr escaped) {
    try {
        if (escaped) {
            std::rethrow_exception(std::move(escaped));
        }
    } catch (const std::exception& error) {
        observe::log_repeated(observe::LogLevel::error, "admin", "connection ended by an error",
                              {"reason", error.what()});
    }
}

Peer peer_of(const tcp::socket& socket, boost::system::error_code& gone) {
    return {socket.remote_endpoint(gone).address()};
}
Peer peer_of(const Local::socket&, boost::system::error_code&) {
    return {};
}

template <class Acceptor>
asio::awaitable<void> accept_connections(ServerCore& core, ConnectionBudget& budget, Acceptor acceptor) {
    asio::steady_timer pause(acceptor.get_executor());
    while (true) {
        auto [error, socket] = co_await acceptor.async_accept(kNoThrow);
        if (error) {
            // Out of descriptors, as a rule: the connection stays in the queue, so do not spin.
            pause.expires_after(kAcceptPause);
            co_await pause.async_wait(kNoThrow);
            continue;
        }
        boost::system::error_code gone;
        Peer peer = peer_of(socket, gone);
        if (gone || !budget.make_room()) {
            continue;
        }
        asio::co_spawn(core.context,
                       serve_connection(core.options, core.respond, budget, StreamSocket(std::move(socket)), peer),
                       log_escape);
    }
}

/// A listening acceptor, or why there is none.
boost::system::error_code listen(tcp::acceptor& acceptor, const config::Address& address) {
    boost::system::error_code error;
    tcp::resolver resolver(acceptor.get_executor());
    const auto found = resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::passive, error);
    if (error) {
        return error;
    }
    const auto endpoint = found.begin()->endpoint();
    acceptor.open(endpoint.protocol(), error);
    if (!error) {
        acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    }
    if (!error) {
        acceptor.bind(endpoint, error);
    }
    if (!error) {
        acceptor.listen(tcp::acceptor::max_listen_connections, error);
    }
    return error;
}

}  // namespace

HttpServer::HttpServer(ServerOptions options, Respond respond)
    : core_(std::make_unique<ServerCore>(std::move(options), std::move(respond))) {}

HttpServer::~HttpServer() {
    stop();
}

std::optional<std::string> HttpServer::start() {
    const auto& options = core_->options;
    if (const auto& address = options.address) {
        tcp::acceptor acceptor(core_->context);
        if (const auto error = listen(acceptor, *address)) {
            return fmt::format(
                "Cannot listen on {}:{} for {} ({}): change {} in the configuration, or stop what uses it.",
                address->host, address->port, options.purpose, error.message(), options.key);
        }
        boost::system::error_code error;
        port_ = acceptor.local_endpoint(error).port();
        asio::co_spawn(core_->context, accept_connections(*core_, core_->over_tcp, std::move(acceptor)), log_escape);
    }
    if (const auto& socket = options.socket) {
        if (auto problem = core_->socket.open(*socket, options.socket_key); !problem.empty()) {
            return problem;
        }
        Local::acceptor acceptor(core_->context, Local(), core_->socket.take_descriptor());
        asio::co_spawn(core_->context, accept_connections(*core_, core_->over_socket, std::move(acceptor)), log_escape);
    }
    thread_ = std::thread([core = core_.get()] { core->context.run(); });
    return std::nullopt;
}

void HttpServer::stop() {
    if (thread_.joinable()) {
        core_->context.stop();
        thread_.join();
    }
    core_->socket.remove();
}

}  // namespace portal::admin
