#include "net/stream.hpp"

#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace portal::net {

namespace {

void prepare(int socket) {
    // A socket that is broken already fails at its first read.
    if (const int flags = ::fcntl(socket, F_GETFL); flags >= 0 && (flags & O_NONBLOCK) == 0) {
        ::fcntl(socket, F_SETFL, flags | O_NONBLOCK);
    }
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// What a close does with bytes that have not arrived: delivers them, or takes them back and resets the connection.
void set_abortive(int socket, bool abortive) noexcept {
    const linger how{abortive ? 1 : 0, 0};
    ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &how, sizeof how);
}

}  // namespace

Stream::Stream(int socket, Scratch& scratch, std::shared_ptr<SSL_CTX> context, TlsEngine::Side side,
               const std::string& server_name)
    : socket_(socket),
      serves_(side == TlsEngine::Side::server),
      scratch_(scratch),
      tls_(context ? std::make_unique<TlsEngine>(std::move(context), side, server_name) : nullptr) {
    prepare(socket_);
}

Stream::~Stream() {
    if (open()) {
        release();
    }
}

void Stream::release() noexcept {
    if (loop_ != nullptr) {
        loop_->remove(socket_, *this);
    }
    ::close(std::exchange(socket_, -1));
}

bool Stream::attach(Loop& loop, StreamUser& user) {
    user_ = &user;
    if (!loop.add(socket_, *this)) {
        return false;
    }
    loop_ = &loop;
    return true;
}

void Stream::want_read() {
    wants_read_ = true;
    if (readable_) {
        loop_->again(*this);
    }
}

void Stream::on_events(std::uint32_t events) {
    const bool ends = !ended_ && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    ended_ = ended_ || ends;
    if (ended_ || (events & EPOLLIN) != 0) {
        readable_ = true;
    }
    const bool readable = readable_ && wants_read_;
    const bool writable = wants_write_ && (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    if (readable || writable || ends) {
        wants_read_ = wants_read_ && !readable;
        wants_write_ = wants_write_ && !writable;
        user_->on_stream(readable, writable);
    }
}

std::optional<std::size_t> Stream::read_socket(std::span<char> into, Status& status) {
    for (;;) {
        const ssize_t n = ::recv(socket_, into.data(), into.size(), 0);
        if (n > 0) {
            // Less than was asked for is all there was (epoll(7), edge-triggered): a read that finds nothing is saved.
            // But the peer's end is no bytes, and its event has been.
            readable_ = ended_ || static_cast<std::size_t>(n) == into.size();
            return static_cast<std::size_t>(n);
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        status = n == 0 ? Status::closed : (errno == EAGAIN || errno == EWOULDBLOCK) ? Status::again : Status::failed;
        readable_ = status != Status::again;
        hung_up_ = readable_;
        error_ = status == Status::failed ? errno : error_;
        return std::nullopt;
    }
}

Stream::Received Stream::receive(std::span<char> plain) {
    if (tls_) {
        return receive_tls(plain);
    }
    Received result;
    if (const auto n = read_socket(plain, result.status)) {
        result = {Status::data, *n, readable_};
    }
    return result;
}

Stream::Received Stream::receive_tls(std::span<char> plain) {
    Received result;
    if (tls_->peer_closed()) {
        result.status = Status::closed;
        return result;
    }
    const auto n = read_socket({scratch_.ciphertext_in.data(), scratch_.ciphertext_in.size()}, result.status);
    if (!n) {
        return result;
    }
    result.more = readable_;
    std::string_view in(scratch_.ciphertext_in.data(), *n);
    std::string& out = scratch_.ciphertext_out;
    out.clear();
    TlsStatus status = TlsStatus::ok;
    const bool handshaking = !tls_->established();
    if (handshaking) {
        status = tls_->handshake(in, out);
    }
    while (status == TlsStatus::ok && !in.empty()) {
        std::size_t size = 0;
        status = tls_->read(in, plain.subspan(result.size), size, out);
        result.size += size;
        if (result.size == plain.size()) {
            break;
        }
    }
    if (status == TlsStatus::closed) {
        ended_ = readable_ = true;  // the socket may tell nothing more, ever
    }
    const bool completed = serves_ && handshaking && tls_->established() && status != TlsStatus::failed;
    if (completed || !owed_.empty()) {
        if (owed_.size() + out.size() > kMostKept) {
            status = TlsStatus::failed;
        } else {
            owed_.append(out);
        }
    } else if (!out.empty() && transmit(out) == Status::failed) {
        status = TlsStatus::failed;
    }
    if (status == TlsStatus::failed) {
        result.status = Status::failed;
    } else if (result.size > 0) {
        result.status = Status::data;  // a close alert behind the data shows at the next receive
        result.more = result.more || status == TlsStatus::closed;
    } else {
        result.status = status == TlsStatus::closed ? Status::closed : Status::again;
    }
    return result;
}

/// To the front of what is about to be sent. A long-lived connection keeps no room for it.
void Stream::take_owed(std::string& out) {
    if (!owed_.empty()) {
        out.append(std::exchange(owed_, {}));
    }
}

Stream::Status Stream::start() {
    if (!tls_) {
        return Status::data;
    }
    std::string_view nothing;
    std::string& out = scratch_.ciphertext_out;
    out.clear();
    if (tls_->handshake(nothing, out) == TlsStatus::failed) {
        return Status::failed;
    }
    return transmit(out);
}

void Stream::allow_long_silence() noexcept {
    const int no_bound = 0;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_USER_TIMEOUT, &no_bound, sizeof no_bound);
}

Stream::Sent Stream::send(std::string_view plain) {
    Sent sent;
    hung_up_ = false;
    if (plain.empty() && !owed_.empty()) {
        sent.status = transmit(std::exchange(owed_, {}));
    }
    while (sent.taken < plain.size() && sent.status == Status::data) {
        const std::string_view slice = plain.substr(sent.taken, kSlice);
        sent.taken += slice.size();
        if (!tls_) {
            sent.status = transmit(slice);
            continue;
        }
        std::string& out = scratch_.ciphertext_out;
        out.clear();
        take_owed(out);
        sent.status = tls_->write(slice, out) == TlsStatus::ok ? transmit(out) : Status::failed;
    }
    return sent;
}

Stream::Status Stream::transmit(std::string_view bytes) {
    if (!kept_.empty()) {
        if (kept_.size() + bytes.size() > kMostKept) {
            return Status::failed;
        }
        kept_.append(bytes);
        return Status::again;
    }
    while (!bytes.empty()) {
        const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            kept_.assign(bytes);
            return Status::again;
        } else if (errno != EINTR) {
            error_ = errno;
            return Status::failed;
        }
    }
    return Status::data;
}

Stream::Sent Stream::offer(std::string_view plain) {
    Sent sent;
    while (sent.taken < plain.size()) {
        const ssize_t n = ::send(socket_, plain.data() + sent.taken, plain.size() - sent.taken, MSG_NOSIGNAL);
        if (n >= 0) {
            sent.taken += static_cast<std::size_t>(n);
        } else if (errno != EINTR) {
            error_ = errno;
            sent.status = errno == EAGAIN || errno == EWOULDBLOCK ? Status::again : Status::failed;
            break;
        }
    }
    return sent;
}

Stream::Status Stream::resume_send() {
    std::string rest = std::move(kept_);
    kept_.clear();
    return transmit(rest);
}

Stream::Status Stream::finish_sending() {
    if (tls_) {
        std::string& out = scratch_.ciphertext_out;
        out.clear();
        take_owed(out);
        tls_->shutdown(out);
        if (const Status status = transmit(out); status != Status::data) {
            return Status::failed;  // a socket that has just taken everything takes an alert
        }
    }
    return ::shutdown(socket_, SHUT_WR) == 0 ? Status::data : Status::failed;
}

void Stream::close() noexcept {
    if (!open()) {
        return;
    }
    if (tls_ && kept_.empty() && !hung_up_) {
        std::string& out = scratch_.ciphertext_out;
        out.clear();
        take_owed(out);
        tls_->shutdown(out);
        if (!out.empty()) {
            [[maybe_unused]] const auto sent = ::send(socket_, out.data(), out.size(), MSG_NOSIGNAL);
        }
    }
    if (aborts_on_death_) {
        set_abortive(socket_, false);
    }
    release();
}

void Stream::abort_on_death() noexcept {
    aborts_on_death_ = true;
    set_abortive(socket_, true);
}

void Stream::abort() noexcept {
    if (open()) {
        set_abortive(socket_, true);
        release();
    }
}

}  // namespace portal::net
