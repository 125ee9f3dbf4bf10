// Session: a connection from accept to close, apart from what is said on it: the PROXY header, the handshake,
// deadlines, drain.
#include "conversation/client_errors.hpp"
#include "net/proxy_header.hpp"
#include "observe/log.hpp"
#include "session/session.hpp"
#include "session/session_registry.hpp"

#include <chrono>
#include <utility>

namespace portal::session {

using observe::Closed;
using observe::HandshakeFailure;

namespace {

/// A client of which nothing was heard for so long is not in the middle of a pipeline.
constexpr std::chrono::milliseconds kPause{100};

HandshakeFailure handshake_failure(const net::Stream& stream) {
    switch (stream.tls()->failure()) {
        case net::TlsFailure::plaintext:
            return HandshakeFailure::plaintext;
        case net::TlsFailure::version:
            return HandshakeFailure::version;
        case net::TlsFailure::certificate:
            return HandshakeFailure::certificate;
        case net::TlsFailure::other:
            return HandshakeFailure::other;
        case net::TlsFailure::none:
            break;
    }
    return HandshakeFailure::closed;
}

}  // namespace

void Session::start(bool refused) {
    refused_ = refused;
    intrusive_ptr_add_ref(this);
    context_.registry.all.push_back(*this);
    context_.registry.by_id.emplace(origin_.id, this);
    connected_at_ = heard_at_ = active_at_ = context_.turn.now();
    if (!stream_.attach(context_.loop, *this)) {
        close(Closed::client);
        return;
    }
    if (origin_.expects_proxy_header) {
        proxy_header_ = std::make_unique<std::string>();
    }
    if (stream_.established() && !proxy_header_) {
        on_established();
    } else {
        arm_deadline();
    }
    if (!closed_) {
        wait_readable();
    }
}

void Session::close(Closed reason) {
    if (closed_) {
        return;
    }
    const SessionPtr registered(this, false);  // the registry's reference, given up at the end
    closed_ = true;
    if (reason == Closed::output_limit) {
        observe::log_repeated(observe::LogLevel::warn, "session", "closed a client that does not read what it is sent",
                              {"client", origin_.remote.address().to_string()},
                              {{"port", origin_.remote.port()},
                               {"subscriptions", subscriptions_ ? subscriptions_->names().count() : 0},
                               {"unread_bytes", unread()},
                               {"limit_bytes", context_.config->limits.output_bytes.count}});
    }
    at(context_.counters.client_connections_closed, reason).add();
    context_.counters.client_connections.subtract();
    arm_deadline();
    leave_hold();
    if (subscriptions_) {
        subscriptions_->leave();
    }
    output_.drop_messages();
    if (tracking_) {
        tracking_->stop();
    }
    transaction_.queued().clear();
    drop_parked();
    stream_.close();
    if (pinned_) {
        pinned_->taint();
        pinned_.reset();
    }
    recovery_.clear();
    RegistryHook<AllTag>::unlink();
    context_.registry.by_id.erase(origin_.id);
}

/// The deadline that was armed has passed, unless it has moved since.
void Session::expired() {
    const SessionPtr alive(this);
    const Deadlines::Due due = due_deadline();
    if (due.at <= context_.turn.now()) {
        switch (due.kind) {
            case Deadlines::Kind::none:
                break;
            case Deadlines::Kind::handshake:
                if (proxy_header_) {
                    context_.counters.proxy_headers_refused.add();
                } else {
                    at(context_.counters.tls_handshake_failures, HandshakeFailure::timeout).add();
                }
                close(Closed::handshake);
                break;
            case Deadlines::Kind::output:
                close(Closed::output_limit);
                break;
            case Deadlines::Kind::hold:
                refuse_held(client_errors::kNoLeader);
                break;
            case Deadlines::Kind::idle:
                close(Closed::idle);
                break;
        }
    }
    arm_deadline();
}

Deadlines::Due Session::due_deadline() const noexcept {
    Deadlines::State state;
    state.closed = closed_;
    state.established = established_;
    state.busy = is_busy();
    state.connected_at = connected_at_;
    state.active_at = active_at_;
    if (writing_) {
        state.stalled_since = stalled_at_;
    }
    if (wait_ == Wait::leader) {
        state.held_since = hold_began_;
    }
    return context_.deadlines.due(state, context_.turn.now());
}

/// Stands in the queue of the deadline that is due first. To be called whenever something has changed that it depends
/// on; when it stays the same, that does nothing.
void Session::arm_deadline() {
    const Deadlines::Due due = due_deadline();
    if (armed() && due.kind == deadline_.kind && due.since == deadline_.since) {
        return;
    }
    deadline_ = due;
    switch (due.kind) {
        case Deadlines::Kind::none:
            disarm();
            break;
        case Deadlines::Kind::handshake:
            context_.handshake_deadlines.arm(*this, due.since);
            break;
        case Deadlines::Kind::output:
            context_.output_deadlines.arm(*this, due.since);
            break;
        case Deadlines::Kind::hold:
            context_.hold_deadlines.arm(*this, due.since);
            break;
        case Deadlines::Kind::idle:
            context_.idle_deadlines.arm(*this, due.since);
            break;
    }
}

/// It waits for an answer, listens, or may have to: it need not say anything itself. But who has begun a large request
/// has to go on with it.
bool Session::is_busy() const noexcept {
    if (large_ != Large::nothing && wait_ == Wait::nothing) {
        return false;
    }
    return wait_ != Wait::nothing || order_.outstanding() > 0 || !order_.idle() || needs_pinned() || state_.listens;
}

/// A limit that there was not before counts from now on.
void Session::on_configured() {
    if (!armed()) {
        active_at_ = context_.turn.now();
    }
    arm_deadline();
    if (wait_ == Wait::leader) {
        context_.turn.mark(*this);  // there may be no hold any more
    }
}

/// True when the header is there and has been taken.
bool Session::take_proxy_header() {
    const net::ProxyHeader header = net::take_proxy_header(origin_.descriptor, *proxy_header_);
    switch (header.status) {
        case net::ProxyHeader::Status::need_more:
            stream_.note_drained();
            wait_readable();
            return false;
        case net::ProxyHeader::Status::invalid:
            context_.counters.proxy_headers_refused.add();
            close(Closed::handshake);
            return false;
        case net::ProxyHeader::Status::complete:
            break;
    }
    proxy_header_.reset();
    if (header.ends) {
        origin_.remote = header.ends->source;
        origin_.local = header.ends->destination;
    }
    if (stream_.established()) {
        on_established();
    }
    return true;
}

void Session::on_established() {
    established_ = true;
    active_at_ = context_.turn.now();
    arm_deadline();
    if (stream_.owes()) {
        context_.turn.mark(*this);
    }
    if (const net::TlsEngine* tls = stream_.tls()) {
        (tls->version() == TLS1_3_VERSION ? context_.counters.tls13_handshakes : context_.counters.tls12_handshakes)
            .add();
        context_.counters.handshake_times.note(net::Turn::Clock::now() - connected_at_);
        if (tls->resumed()) {
            context_.counters.tls_resumed_handshakes.add();
        }
    }
    if (refused_ || context_.draining) {
        reply_error(refused_ ? client_errors::kMaxClients : client_errors::kShuttingDown);
        ended_ = true;
        ending_ = refused_ ? Closed::client : Closed::drain;
    }
}
/// The client has closed its side, or the connection is broken. Who has closed its side gets what it has asked for.
void Session::on_client_end(net::Stream::Status status) {
    if (!established_) {
        at(context_.counters.tls_handshake_failures, handshake_failure(stream_)).add();
        close(Closed::handshake);
    } else if (status == net::Stream::Status::failed) {
        close(Closed::client);
    } else {
        eof_ = true;
        context_.turn.mark(*this);
    }
}

/// The client sends nothing more. What it has sent is answered, except what Redis does not answer either: what is
/// paused, what is not whole, and what waits for others, with everything behind it.
void Session::settle_end() {
    if (closed_ || ended_ || (!eof_ && (!stream_.ended() || reads_on()))) {
        return;
    }
    if (wait_ == Wait::paused || (eof_ && large_ != Large::nothing)) {
        give_up_large();
        ended_ = true;
        ending_ = Closed::client;
    } else if (pinned_ && !pinned_->finishes() && recovery_.empty()) {
        const bool blocks = order_.blocks();
        if (blocks || (eof_ && relaying_ && wait_ == Wait::nothing)) {
            end_block();
        }
    }
    if (eof_ && wait_ == Wait::nothing && order_.idle() && subscriptions_) {
        subscriptions_->leave();
    }
}

/// The node sees the end of this client as that of its own: it answers what it can answer at once, and closes the link
/// of a client that is blocked. So an element goes to nobody who has left, and no link stays for ever.
void Session::end_block() {
    pinned_->finish_sending();
    if (wait_ == Wait::nothing || wait_ == Wait::window) {
        pause(Wait::drained);  // what comes behind goes by another link
    }
}

/// Who listens to channels may go on until the portal ends. The others end with the reply that they wait for, and who
/// waits for none at once, unless it was heard just now: its next command is on its way perhaps. To be called again.
void Session::drain() {
    if (ended_ || closed_ || large_ != Large::nothing || state_.listens) {
        return;
    }
    leaving_ = true;
    if (!order_.idle() || context_.turn.now() - heard_at_ >= kPause) {
        context_.turn.mark(*this);
    }
}

/// Between two commands, and not within a pipeline: of that the client has perhaps not sent all.
void Session::leave_if_done() {
    const auto now = context_.turn.now();
    if (order_.in_flight() > 1 || !input_.empty()) {
        pipelined_at_ = now;
    } else if (wait_ != Wait::output && now - pipelined_at_ >= kPause) {
        ended_ = true;
        ending_ = Closed::drain;
    }
}

}  // namespace portal::session
