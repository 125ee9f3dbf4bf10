// Link: from its start until it is ready, or refused: the node's addresses, TLS, login.
#include "upstream/link.hpp"

#include <cerrno>
#include <sys/socket.h>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace portal::upstream {

void Link::start() {
    context_.counters.upstream_connects.add();
    context_.connect_deadlines.arm(*this, context_.turn.now());
    const auto found = [this](const net::NameLookup::Answer& answer) {
        if (!answer.error.empty()) {
            end(fmt::format("{} cannot be looked up: {}", node_.endpoint.host, answer.error));
            return;
        }
        endpoints_.assign(answer.endpoints.rbegin(), answer.endpoints.rend());
        connect();
    };
    lookup_ = context_.names.find(node_.endpoint.host, node_.endpoint.port, found);
}

/// Tries the addresses one after the other. on_stream() goes on when one has answered.
void Link::connect() {
    const auto tls = context_.tls.find(node_.name);
    const NodeTls how = tls == context_.tls.end() ? NodeTls{} : tls->second;
    int error = 0;
    while (!endpoints_.empty()) {
        const boost::asio::ip::tcp::endpoint endpoint = endpoints_.back();
        endpoints_.pop_back();
        const int socket = ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (socket < 0) {
            error = errno;
            continue;
        }
        const int begun = ::connect(socket, endpoint.data(), static_cast<socklen_t>(endpoint.size()));
        error = begun == 0 || errno == EINPROGRESS ? 0 : errno;
        stream_ = std::make_unique<net::Stream>(socket, context_.scratch, how.context, net::TlsEngine::Side::client,
                                                how.server_name);
        if (error == 0 && stream_->attach(context_.loop, *this)) {
            stream_->want_write();
            return;
        }
        error = error == 0 ? errno : error;
    }
    end(fmt::format("connect failed: {}", std::generic_category().message(error)));
}

/// Connecting has come to an end, good or bad.
void Link::on_connected() {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(stream_->descriptor(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0 && !endpoints_.empty()) {
        connect();
        return;
    }
    if (error != 0) {
        end(fmt::format("connect failed: {}", std::generic_category().message(error)));
        return;
    }
    connected_ = true;
    const int on = 1;
    ::setsockopt(stream_->descriptor(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    stream_->abort_on_death();
    if (stream_->start() == net::Stream::Status::failed) {
        end("TLS handshake could not begin");
        return;
    }
    if (stream_->established()) {
        begin_setup();
    }
    if (state_ != State::ended) {
        read_some();
    }
}

void Link::begin_setup() {
    state_ = State::setting_up;
    // A fresh socket takes a few hundred bytes at once; if it does not, it is broken.
    const net::Stream::Sent sent =
        stream_->tls() != nullptr ? stream_->send(setup_.request()) : stream_->offer(setup_.request());
    if (sent.status != net::Stream::Status::data) {
        end(fmt::format("login could not be sent: {}", std::generic_category().message(stream_->error())));
    }
}

bool Link::take_setup_frame(std::string_view frame) {
    switch (setup_.on_reply(frame)) {
        case LinkSetup::Step::more:
            return true;
        case LinkSetup::Step::ready:
            state_ = State::ready;
            was_ready_ = true;
            fence_style_ = setup_.fence_style();
            disarm();
            owner_.on_link_ready(*this);
            context_.turn.mark(*this);
            return true;
        case LinkSetup::Step::refused:
            refuse();
            return false;
        case LinkSetup::Step::unusable:
            end(setup_.follows() ? std::string_view("the node does not lead") : std::string_view(setup_.reason()));
            return false;
    }
    return false;
}

/// The node accepts neither login nor database: everybody who waits is told what the node said.
void Link::refuse() {
    finish("the node refused the login or the database", setup_.error());
}

void Link::expired() {
    end("connecting took too long");
}

}  // namespace portal::upstream
