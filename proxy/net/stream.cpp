#include "net/stream.hpp"

#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace portal::net {

namespace {

void prepare(Stream::Socket& socket) {
    boost::system::error_code ignored;  // a socket that is broken already fails at its first read
    socket.non_blocking(true, ignored);
    socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
}

}  // namespace

Stream::Stream(Socket socket, Scratch& scratch) : socket_(std::move(socket)), scratch_(scratch) {
    prepare(socket_);
}

Stream::Stream(Socket socket, Scratch& scratch, std::shared_ptr<SSL_CTX> context, TlsEngine::Side side,
               const std::string& server_name)
    : socket_(std::move(socket)),
      scratch_(scratch),
      tls_(std::make_unique<TlsEngine>(std::move(context), side, server_name)) {
    prepare(socket_);
}

std::optional<std::size_t> Stream::read_socket(std::span<char> into, Status& status) {
    for (;;) {
        const ssize_t n = ::recv(socket_.native_handle(), into.data(), into.size(), 0);
        if (n > 0) {
            return static_cast<std::size_t>(n);
        }
        if (n < 0 && errno == EINTR) {
            continue;
        }
        status = n == 0 ? Status::closed : (errno == EAGAIN || errno == EWOULDBLOCK) ? Status::again : Status::failed;
        return std::nullopt;
    }
}

Stream::Received Stream::receive(std::span<char> plain) {
    if (tls_) {
        return receive_tls(plain);
    }
    Received result;
    if (const auto n = read_socket(plain, result.status)) {
        result = {Status::data, *n, *n == plain.size()};
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
    result.more = *n == scratch_.ciphertext_in.size();
    std::string_view in(scratch_.ciphertext_in.data(), *n);
    std::string& out = scratch_.ciphertext_out;
    out.clear();
    TlsStatus status = TlsStatus::ok;
    if (!tls_->established()) {
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
    if (!out.empty() && transmit(out) == Status::failed) {
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

Stream::Sent Stream::send(std::string_view plain) {
    Sent sent;
    while (sent.taken < plain.size() && sent.status == Status::data) {
        const std::string_view slice = plain.substr(sent.taken, kSlice);
        sent.taken += slice.size();
        if (!tls_) {
            sent.status = transmit(slice);
            continue;
        }
        std::string& out = scratch_.ciphertext_out;
        out.clear();
        sent.status = tls_->write(slice, out) == TlsStatus::ok ? transmit(out) : Status::failed;
    }
    return sent;
}

Stream::Status Stream::transmit(std::string_view bytes) {
    if (!kept_.empty()) {
        kept_.append(bytes);
        return Status::again;
    }
    while (!bytes.empty()) {
        const ssize_t n = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            kept_.assign(bytes);
            return Status::again;
        } else if (errno != EINTR) {
            return Status::failed;
        }
    }
    return Status::data;
}

Stream::Status Stream::resume_send() {
    std::string rest = std::move(kept_);
    kept_.clear();
    return transmit(rest);
}

void Stream::close() noexcept {
    if (!socket_.is_open()) {
        return;
    }
    if (tls_ && kept_.empty()) {
        std::string& out = scratch_.ciphertext_out;
        out.clear();
        tls_->shutdown(out);
        if (!out.empty()) {
            [[maybe_unused]] const auto sent = ::send(socket_.native_handle(), out.data(), out.size(), MSG_NOSIGNAL);
        }
    }
    boost::system::error_code ignored;
    socket_.close(ignored);
}

}  // namespace portal::net
