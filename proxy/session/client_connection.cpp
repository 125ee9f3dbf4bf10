#include "session/client_connection.hpp"

#include "conversation/client_errors.hpp"
#include "net/proxy_header.hpp"
#include "observe/log.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"
#include "session/session_registry.hpp"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

namespace portal::session {

using observe::Closed;
using observe::HandshakeFailure;

namespace {

/// A client that is busy all the time moves its deadline only so often, which is as exact as a shard's tick.
constexpr std::chrono::milliseconds kActivity{50};

/// Reads of one client in one turn, so that a fast one does not starve the others.
constexpr int kReadsPerTurn = 4;

}  // namespace

ClientConnection::ClientConnection(Session& session, ClientOrigin origin, std::shared_ptr<SSL_CTX> tls)
    : SessionPart(session),
      stream_(origin.descriptor, session.context.room.scratch, std::move(tls)),
      origin_(std::move(origin)) {}

void ClientConnection::note_active() noexcept {
    active_at_ = context().turn.now();
}

void ClientConnection::note_activity() {
    if (context().turn.now() - active_at_ >= kActivity) {
        note_active();
        arm();
    }
}

void ClientConnection::wait_readable() {
    if (!closed_ && !ended_ && !eof_) {
        stream_.want_read();
    }
}

void ClientConnection::on_stream(bool readable, bool writable) {
    const SessionPtr alive(&session_);
    if (writable) {
        sender().on_writable();
    }
    if (readable && !closed_) {
        on_readable();
    }
    if (stream_.ended() && !closed_) {
        mark();  // it may be blocked, and not be read because of that
    }
}

void ClientConnection::on_readable() {
    if (proxy_header_ && !take_proxy_header()) {
        return;
    }
    for (int reads = 0; reads < kReadsPerTurn && intake().reads_on() && !closed_ && !ended_; ++reads) {
        std::span<char> space(context().room.scratch.plain.data(), context().room.scratch.plain.size());
        const net::Stream::Received received = stream_.receive(space);
        if (!established_ && stream_.established()) {
            on_established();
        }
        if (stream_.blocked() && !sender().stalled_since()) {
            sender().note_written(net::Stream::Status::again);  // TLS itself had something to answer
        }
        if (received.size > 0) {
            heard_at_ = context().turn.now();
            received_bytes_ += received.size;
            context().counters.client_received_bytes.add(received.size);
            note_activity();
            intake().take(std::string_view(space.data(), received.size));
        }
        if (received.status == net::Stream::Status::failed || received.status == net::Stream::Status::closed) {
            on_client_end(received.status);
            return;
        }
        if (!received.more) {
            break;
        }
    }
    if (intake().reads_on()) {
        wait_readable();
    }
}

void ClientConnection::start(bool refused) {
    refused_ = refused;
    intrusive_ptr_add_ref(&session_);
    context().registry.all.push_back(session_);
    context().registry.by_id.emplace(origin_.id, &session_);
    connected_at_ = heard_at_ = active_at_ = context().turn.now();
    if (!stream_.attach(context().loop, *this)) {
        close(Closed::client);
        return;
    }
    if (origin_.expects_proxy_header) {
        proxy_header_ = std::make_unique<std::string>();
    }
    if (stream_.established() && !proxy_header_) {
        on_established();
    } else {
        arm();
    }
    if (!closed_) {
        wait_readable();
    }
}

/// The deadline that was armed has passed, unless it has moved since.
void ClientConnection::expired() {
    const SessionPtr alive(&session_);
    const Deadlines::Due due = due_deadline();
    if (due.at <= context().turn.now()) {
        switch (due.kind) {
            case Deadlines::Kind::none:
                break;
            case Deadlines::Kind::handshake:
                if (proxy_header_) {
                    context().counters.proxy_headers_refused.add();
                } else {
                    at(context().counters.tls_handshake_failures, HandshakeFailure::timeout).add();
                }
                close(Closed::handshake);
                break;
            case Deadlines::Kind::output:
                close(Closed::output_limit);
                break;
            case Deadlines::Kind::hold:
                hold().refuse(client_errors::kNoLeader);
                break;
            case Deadlines::Kind::idle:
                close(Closed::idle);
                break;
            case Deadlines::Kind::block:
                settle_end();  // now: armed again for the same it would expire at once
                mark();
                break;
        }
    }
    arm();
}

Deadlines::Due ClientConnection::due_deadline() const noexcept {
    Deadlines::State state;
    state.closed = closed_;
    state.established = established_;
    state.busy = is_busy();
    state.connected_at = connected_at_;
    state.active_at = active_at_;
    state.stalled_since = sender().stalled_since();
    if (state.stalled_since && relay().replicates()) {
        state.stalled_since = std::max(*state.stalled_since, heard_at_);  // while it loads its data it only speaks
    }
    if (intake().wait() == Wait::leader) {
        state.held_since = hold().since();
    }
    if (blocks_others_of_its_own()) {
        state.blocked_since = order().blocked_since();
    }
    return context().deadlines.rules().due(state, context().turn.now());
}

void ClientConnection::arm() {
    const Deadlines::Due due = due_deadline();
    if (armed() && due.kind == deadline_.kind && due.since == deadline_.since) {
        return;
    }
    deadline_ = due;
    context().deadlines.arm(*this, due);
}

/// It waits for an answer, listens, or may have to: it need not say anything itself. But who has begun a large request
/// has to go on with it.
bool ClientConnection::is_busy() const noexcept {
    if (large().active() && intake().wait() == Wait::nothing) {
        return false;
    }
    return intake().wait() != Wait::nothing || order().outstanding() > 0 || !order().idle() || links().needs_own() ||
           state().listens;
}

void ClientConnection::on_configured() {
    if (relay().replicates() && !context().config->commands.replication) {
        cut_off(Closed::backend);
    }
    if (!armed()) {
        active_at_ = context().turn.now();
    }
    arm();
    if (intake().wait() == Wait::leader) {
        mark();  // there may be no hold any more
    }
}

/// True when the header is there and has been taken.
bool ClientConnection::take_proxy_header() {
    const net::ProxyHeader header = net::take_proxy_header(origin_.descriptor, *proxy_header_);
    switch (header.status) {
        case net::ProxyHeader::Status::need_more:
            stream_.note_drained();
            wait_readable();
            return false;
        case net::ProxyHeader::Status::invalid:
            context().counters.proxy_headers_refused.add();
            close(Closed::handshake);
            return false;
        case net::ProxyHeader::Status::complete:
            break;
    }
    proxy_header_.reset();
    if (header.ends) {
        origin_.remote = header.ends->source;
        origin_.local = header.ends->destination;
        origin_.balanced = true;
    }
    if (stream_.established()) {
        on_established();
    }
    return true;
}

void ClientConnection::on_established() {
    established_ = true;
    active_at_ = context().turn.now();
    arm();
    if (stream_.owes()) {
        mark();
    }
    if (const net::TlsEngine* tls = stream_.tls()) {
        (tls->version() == TLS1_3_VERSION ? context().counters.tls13_handshakes : context().counters.tls12_handshakes)
            .add();
        context().counters.handshake_times.note(net::Turn::Clock::now() - connected_at_);
        if (tls->resumed()) {
            context().counters.tls_resumed_handshakes.add();
        }
    }
    if (refused_ || context().notices.draining()) {
        replies().reply_error(refused_ ? client_errors::kMaxClients : client_errors::kShuttingDown);
        end(refused_ ? Closed::client : Closed::drain);
    }
}

}  // namespace portal::session
