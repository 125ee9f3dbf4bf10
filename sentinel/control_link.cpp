#include "sentinel/control_link.hpp"

#include <algorithm>
#include <array>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string_view>
#include <sys/socket.h>
#include <tuple>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <hiredis/hiredis.h>

namespace portal::sentinel {
namespace asio = boost::asio;
using boost::system::error_code;
namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
/// INFO is a few kilobytes; a node that sends more than this is not a Redis server.
constexpr std::size_t kMaxReplyBytes = 4U << 20U;

std::string encode(const std::vector<std::string>& command) {
    std::string bytes = "*" + std::to_string(command.size()) + "\r\n";
    for (const auto& word : command) {
        bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
    }
    return bytes;
}

/// A reply as text; of an array, its elements one per line.
std::string text_of(const redisReply& reply) {
    switch (reply.type) {
        case REDIS_REPLY_INTEGER:
            return std::to_string(reply.integer);
        case REDIS_REPLY_ARRAY: {
            std::string text;
            for (std::size_t i = 0; i < reply.elements; ++i) {
                text += text_of(*reply.element[i]) + "\n";
            }
            return text;
        }
        case REDIS_REPLY_NIL:
            return {};
        default:
            return {reply.str, static_cast<std::size_t>(reply.len)};
    }
}

Reply reply_of(const redisReply& reply) {
    Reply told{LinkStatus::ok, reply.type == REDIS_REPLY_ERROR, text_of(reply)};
    for (std::size_t i = 0; reply.type == REDIS_REPLY_ARRAY && i < reply.elements; ++i) {
        told.elements.push_back(text_of(*reply.element[i]));
    }
    return told;
}

}  // namespace

/// Closes the link when its time has passed; used around one operation.
class ControlLink::Deadline {
  public:
    Deadline(ControlLink& link, TimePoint at) : link_(link) {
        link_.expired_ = false;
        link_.last_signs_.reset();
        link_.deadline_.expires_at(at);
        link_.deadline_.async_wait([self = link_.shared_from_this(), guard = ++link_.guard_](error_code error) {
            if (!error && guard == self->guard_) {
                self->expire();
            }
        });
    }
    ~Deadline() {
        ++link_.guard_;
        link_.deadline_.cancel();
    }
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

  private:
    ControlLink& link_;
};

/// Looks after a request that waits for its reply.
class ControlLink::Watch {
  public:
    explicit Watch(ControlLink& link) : link_(link) {
        if (link_.vigil_.goes_on) {
            arm(link_.shared_from_this(), link_.guard_);
        }
    }
    ~Watch() { link_.vigil_timer_.cancel(); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

  private:
    /// `guard`: of the request's deadline, so that none outlives its request.
    static void arm(const std::shared_ptr<ControlLink>& link, std::uint64_t guard) {
        link->vigil_timer_.expires_after(link->vigil_.every);
        link->vigil_timer_.async_wait([link, guard](error_code error) {
            if (error || guard != link->guard_ || !link->vigil_.goes_on) {
                return;
            }
            const auto signs = link->signs();
            if (!signs || !link->vigil_.goes_on(*signs)) {
                link->expire();
                return;
            }
            link->nudge();
            arm(link, guard);
        });
    }

    ControlLink& link_;
};

ControlLink::ControlLink(asio::any_io_executor executor, config::Node node, SharedLogin login)
    : node_(std::move(node)),
      node_tls_(node_.tls ? certs::PeerTlsFiles{node_.tls->ca, node_.tls->certificate, node_.tls->key}
                          : certs::PeerTlsFiles{}),
      login_(std::move(login)),
      socket_(executor),
      resolver_(executor),
      deadline_(executor),
      rest_(executor),
      vigil_timer_(executor),
      reader_(nullptr, redisReaderFree),
      longest_reply_(kMaxReplyBytes) {}

ControlLink::~ControlLink() = default;

void ControlLink::close() {
    error_code ignored;
    socket_.close(ignored);
    connected_ = false;
}

void ControlLink::wake() {
    woken_ = true;
    rest_.cancel();
}

/// As of now; nothing without a socket.
std::optional<KernelSigns> ControlLink::signs() {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (!socket_.is_open() || getsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
        return std::nullopt;
    }
    KernelSigns signs;
    signs.acknowledged_at = Clock::now() - Milliseconds(info.tcpi_last_ack_recv);
    signs.outstanding = info.tcpi_unacked > 0;
    return signs;
}

void ControlLink::expire() {
    expired_ = true;
    last_signs_ = signs();
    resolver_.cancel();
    close();
}

/// One at a time. What cannot be sent is as good as what is not acknowledged.
void ControlLink::nudge() {
    static constexpr std::string_view kEmptyLine = "\r\n";
    if (std::exchange(nudging_, true)) {
        return;
    }
    // Holds on to the stream, which may be replaced before this was sent.
    const auto sent = [self = shared_from_this(), stream = tls_](error_code, std::size_t) { self->nudging_ = false; };
    if (tls_) {
        asio::async_write(*tls_, asio::buffer(kEmptyLine), sent);
    } else {
        asio::async_write(socket_, asio::buffer(kEmptyLine), sent);
    }
}

std::string ControlLink::where() const {
    return node_.address.host + ":" + std::to_string(node_.address.port);
}

Reply ControlLink::failed(error_code error, const char* while_doing) {
    close();
    if (expired_) {
        return {LinkStatus::silent, false, "no answer from " + where() + " in time"};
    }
    const auto text = std::string(while_doing) + " " + where() + ": " + error.message();
    if (error == asio::error::connection_refused) {
        return {LinkStatus::refused, false, text};
    }
    const bool ended = error == asio::error::eof || error == asio::error::connection_reset ||
                       error == asio::error::broken_pipe || error == asio::ssl::error::stream_truncated;
    return {ended ? LinkStatus::broken : LinkStatus::silent, false, text};
}

asio::awaitable<Reply> ControlLink::look_up() {
    error_code not_literal;
    const auto literal = asio::ip::make_address(node_.address.host, not_literal);
    endpoints_.clear();
    if (!not_literal) {
        endpoints_.emplace_back(literal, node_.address.port);
    } else {
        const auto [error, found] =
            co_await resolver_.async_resolve(node_.address.host, std::to_string(node_.address.port), kAwait);
        if (error) {
            co_return failed(error, "cannot look up");
        }
        for (const auto& entry : found) {
            endpoints_.push_back(entry.endpoint());
        }
    }
    addresses_.clear();
    for (const auto& endpoint : endpoints_) {
        addresses_.push_back(endpoint.address().to_string());
    }
    co_return Reply{LinkStatus::ok, false, {}};
}

/// One address after the other, each with its share of the time: one that swallows packets starves no other. The one
/// that answers stands first among the addresses from then on.
asio::awaitable<error_code> ControlLink::connect_to_any(TimePoint at) {
    error_code error = asio::error::host_not_found;
    for (std::size_t i = 0; i < endpoints_.size() && !expired_; ++i) {
        error_code ignored;
        socket_.close(ignored);
        const auto now = std::chrono::steady_clock::now();
        rest_.expires_at(now + (at - now) / static_cast<int>(endpoints_.size() - i));
        const auto turn = ++rest_turn_;
        if (i + 1 < endpoints_.size()) {
            rest_.async_wait([self = shared_from_this(), turn](error_code cancelled) {
                if (!cancelled && turn == self->rest_turn_) {
                    error_code none;
                    self->socket_.close(none);
                }
            });
        }
        const auto endpoint = endpoints_[i];
        std::tie(error) = co_await socket_.async_connect(endpoint, kAwait);
        ++rest_turn_;
        rest_.cancel();
        if (!error) {
            std::rotate(addresses_.begin(), addresses_.begin() + static_cast<std::ptrdiff_t>(i),
                        addresses_.begin() + static_cast<std::ptrdiff_t>(i) + 1);
            break;
        }
    }
    co_return error;
}

asio::awaitable<Reply> ControlLink::shake_hands() {
    auto context = node_tls_.current();
    if (!context) {
        close();
        co_return Reply{LinkStatus::silent, false,
                        "cannot read the TLS files for " + where() + ": " + context.error().message};
    }
    tls_context_ = std::move(*context);
    asio_context_.emplace(tls_context_->share());
    tls_ = std::make_shared<TlsStream>(socket_, *asio_context_);
    const auto& name = node_.tls->server_name ? *node_.tls->server_name : node_.address.host;
    if (!certs::expect_peer(tls_->native_handle(), name)) {
        close();
        co_return Reply{LinkStatus::silent, false, "\"" + name + "\" can be no server name of " + where()};
    }
    const auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::client, kAwait);
    co_return error ? failed(error, "TLS handshake with") : Reply{LinkStatus::ok, false, {}};
}

asio::awaitable<Reply> ControlLink::connect(TimePoint at) {
    close();
    tls_.reset();
    reader_.reset(redisReaderCreate());
    {
        const Deadline deadline(*this, at);
        if (auto looked_up = co_await look_up(); looked_up.status != LinkStatus::ok) {
            co_return looked_up;
        }
        if (const auto error = co_await connect_to_any(at); error) {
            co_return failed(error, "cannot connect to");
        }
        socket_.set_option(asio::ip::tcp::no_delay(true));
        // A command whose time has passed must not reach the node later: the kernel would go on delivering it.
        socket_.set_option(asio::socket_base::linger(true, 0));
        if (node_.tls) {
            if (auto secured = co_await shake_hands(); secured.status != LinkStatus::ok) {
                co_return secured;
            }
        }
    }
    connected_ = true;
    const auto login = *login_;
    if (!login.password) {
        co_return Reply{LinkStatus::ok, false, {}};
    }
    std::vector<std::string> auth{"AUTH"};
    if (login.username) {
        auth.push_back(*login.username);
    }
    auth.push_back(*login.password);
    auto reply = co_await request(std::move(auth), at);
    // A server without a password accepts everybody; that is not this portal's trouble.
    const bool no_password_there = reply.is_error && reply.text.find("no password is set") != std::string::npos;
    if (reply.good() || no_password_there) {
        co_return Reply{LinkStatus::ok, false, {}};
    }
    if (reply.is_error) {
        reply.text = "login as user " + login.username.value_or("default") + " failed: " + reply.text;
    }
    co_return reply;
}

asio::awaitable<error_code> ControlLink::send(std::string bytes) {
    if (tls_) {
        const auto [error, sent] = co_await asio::async_write(*tls_, asio::buffer(bytes), kAwait);
        co_return error;
    }
    const auto [error, sent] = co_await asio::async_write(socket_, asio::buffer(bytes), kAwait);
    co_return error;
}

asio::awaitable<Reply> ControlLink::receive() {
    std::array<char, 16384> chunk{};
    std::size_t total = 0;
    for (;;) {
        void* raw = nullptr;
        if (redisReaderGetReply(reader_.get(), &raw) != REDIS_OK) {
            close();
            co_return Reply{LinkStatus::broken, false, std::string("not a Redis server: ") + reader_->errstr};
        }
        if (raw != nullptr) {
            const std::unique_ptr<redisReply, void (*)(void*)> reply(static_cast<redisReply*>(raw), freeReplyObject);
            co_return reply_of(*reply);
        }
        error_code error;
        std::size_t count = 0;
        if (tls_) {
            std::tie(error, count) = co_await tls_->async_read_some(asio::buffer(chunk), kAwait);
        } else {
            std::tie(error, count) = co_await socket_.async_read_some(asio::buffer(chunk), kAwait);
        }
        total += count;
        if (error) {
            co_return failed(error, "connection lost to");
        }
        if (total > longest_reply_) {
            close();
            co_return Reply{LinkStatus::broken, false, "not a Redis server: the reply does not end"};
        }
        redisReaderFeed(reader_.get(), chunk.data(), count);
    }
}

asio::awaitable<Reply> ControlLink::request(std::vector<std::string> command, TimePoint at) {
    if (!connected_) {
        co_return Reply{LinkStatus::broken, false, "not connected"};
    }
    const Deadline deadline(*this, at);
    auto bytes = encode(command);
    if (const auto error = co_await send(std::move(bytes)); error) {
        co_return failed(error, "connection lost to");
    }
    const Watch watch(*this);
    co_return co_await receive();
}

asio::awaitable<bool> ControlLink::rest(TimePoint until) {
    if (!std::exchange(woken_, false)) {
        rest_.expires_at(until);
        if (connected_) {
            // Nothing is due from the node now: readable means that it closed the connection (or is no Redis server).
            rest_.async_wait([self = shared_from_this(), turn = ++rest_turn_](error_code) {
                if (turn == self->rest_turn_) {
                    error_code ignored;
                    self->socket_.cancel(ignored);
                }
            });
            const auto [error] = co_await socket_.async_wait(asio::ip::tcp::socket::wait_read, kAwait);
            ++rest_turn_;
            rest_.cancel();
            if (!error) {
                woken_ = false;
                co_return false;
            }
        } else {
            co_await rest_.async_wait(kAwait);
        }
        woken_ = false;
    }
    co_return true;
}

}  // namespace portal::sentinel
