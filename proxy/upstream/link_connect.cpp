// Link: from its start until it is ready, or refused: the node's addresses, TLS, login. And its deadlines.
#include "upstream/link.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace portal::upstream {

namespace {

/// A node that works sees the end of what is sent at once; one that is busy for longer than that many times the time in
/// which a connection is made has lost whoever waited for an answer.
constexpr std::uint8_t kFinishLooks = 10;

}  // namespace

void Link::start() {
    context_.counters.upstream_connects.add();
    context_.connect_deadlines.arm(*this, context_.turn.now());
    connector_ = std::make_unique<net::Connector>(context_.loop, context_.names, context_.next_address_after);
    connector_->start(node_.endpoint.host, node_.endpoint.port, [this](const net::Connector::Result& result) {
        if (result.socket < 0) {
            end(result.error);
        } else {
            on_connected(result.socket);
        }
    });
}

void Link::on_connected(int socket) {
    const LinkPtr alive(this);
    connector_.reset();
    const auto tls = context_.tls.find(node_.name);
    const NodeTls how = tls == context_.tls.end() ? NodeTls{} : tls->second;
    stream_ = std::make_unique<net::Stream>(socket, context_.scratch, how.context, net::TlsEngine::Side::client,
                                            how.server_name);
    if (!stream_->attach(context_.loop, *this)) {
        end(fmt::format("connect failed: {}", std::generic_category().message(errno)));
        return;
    }
    context_.keepalive.apply(stream_->descriptor());
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
            if (fence_style_ == FenceStyle::echo) {
                fence_style_ = setup_.fence_style();
            }
            disarm();
            await_answer();
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

/// From the next look on, unless looks are taken already, or the link is not ready.
void Link::await_answer() noexcept {
    if (state_ == State::ready && !armed() && !pending_.empty()) {
        silent_looks_ = 0;
        context_.answer_deadlines.queue.arm(*this, context_.turn.now());
    }
}

void Link::expired() {
    if (state_ != State::ready) {
        context_.names.doubt(node_.endpoint.host);
        end("connecting took too long");
        return;
    }
    if (finished_) {
        if (++silent_looks_ == kFinishLooks) {
            abandon("the node has not let go who sends nothing more");
        } else {
            context_.connect_deadlines.arm(*this, context_.turn.now());
        }
        return;
    }
    if (pending_.empty()) {
        return;
    }
    // What stands behind a command that blocks waits rightly. Nothing is heard by whoever does not read, and the node
    // owes no answer to a command that it has not got.
    const bool excused = pending_.front().blocks || paused_ || held_back_ || streaming_ == Streaming::open;
    silent_looks_ = excused ? 0 : silent_looks_ + 1;
    if (silent_looks_ == AnswerDeadlines::kLooks) {
        abandon("the node has not answered a command in time");
        return;
    }
    context_.answer_deadlines.queue.arm(*this, context_.turn.now());
}

}  // namespace portal::upstream
