// How the connection of a client ends: closed at once, at the end of a turn, when all has gone out, by drain, or after
// the client has closed its own side.
#include "observe/log.hpp"
#include "session/client_connection.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"
#include "session/session_registry.hpp"

#include <chrono>

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

void ClientConnection::end(Closed reason) noexcept {
    ended_ = true;
    ending_ = reason;
}

void ClientConnection::close(Closed reason) {
    if (closed_) {
        return;
    }
    const SessionPtr registered(&session_, false);  // the registry's reference, given up at the end
    closed_ = true;
    if (reason == Closed::output_limit) {
        observe::log_repeated(
            observe::LogLevel::warn, "session", "closed a client that does not read what it is sent",
            {"client", origin_.remote.address().to_string()},
            {{"port", origin_.remote.port()},
             {"subscriptions", features().subscriptions() ? features().subscriptions()->names().count() : 0},
             {"unread_bytes", sender().unread()},
             {"limit_bytes", context().config->limits.output_bytes.count}});
    }
    at(context().counters.client_connections_closed, reason).add();
    context().counters.client_connections.subtract();
    arm();
    hold().leave();
    features().leave();
    notices().leave(reason == Closed::drain);
    tokens().leave();
    output().drop_messages();
    transaction().queued().clear();
    proofs().drop();
    stream_.close();
    if (links().own()) {
        links().own()->taint();
        links().own().reset();
    }
    recovery().clear();
    session_.RegistryHook<AllTag>::unlink();
    context().registry.by_id.erase(origin_.id);
}

void ClientConnection::cut_off(observe::Closed reason) {
    ending_ = reason;
    cut_off_ = true;
    mark();
}

void ClientConnection::close_if_done() {
    const bool finished = ended_ || (eof_ && intake().wait() == Wait::nothing);
    if (!closed_ && finished && order().outstanding() == 0 && output().empty() && !stream_.blocked() &&
        !output().has_messages()) {
        close(ended_ ? ending_ : Closed::client);
    }
}

/// The client has closed its side, or the connection is broken. Who has closed its side gets what it has asked for.
void ClientConnection::on_client_end(net::Stream::Status status) {
    if (!established_) {
        at(context().counters.tls_handshake_failures, handshake_failure(stream_)).add();
        close(Closed::handshake);
    } else if (status == net::Stream::Status::failed) {
        close(Closed::client);
    } else {
        eof_ = true;
        mark();
    }
}

/// It sends nothing more.
bool ClientConnection::gone() const noexcept {
    return eof_ || (stream_.ended() && (ended_ || !intake().reads_on()));  // else it is read, and found out
}

/// It has gone, waits perhaps inside the node, and has sent more behind that.
bool ClientConnection::blocks_others_of_its_own() const noexcept {
    return gone() && order().blocks() && intake().kept() > 0 && links().own() && !links().own()->finishes() &&
           recovery().empty();
}

void ClientConnection::settle_end() {
    if (closed_ || !gone()) {
        return;
    }
    if (intake().wait() == Wait::paused || (eof_ && large().active())) {
        large().give_up();
        end(Closed::client);
    } else if (links().own() && !links().own()->finishes() && recovery().empty()) {
        // With more behind, it is given the time that the answer takes if there is one.
        const bool waits = blocks_others_of_its_own() && context().turn.now() < order().blocked_since() + kBlock;
        const bool blocks = order().blocks() && !waits;
        if (waits) {
            hold_back_the_rest();
            arm();
        }
        if (blocks || (eof_ && relay().active() && intake().wait() == Wait::nothing)) {
            end_block();
        }
    }
    if (eof_ && intake().wait() == Wait::nothing && order().idle() && features().subscriptions()) {
        features().subscriptions()->leave();
    }
}

/// The node sees the end of this client as that of its own: it answers what it can answer at once, and closes the link
/// of a client that is blocked. So an element goes to nobody who has left, and no link stays for ever.
void ClientConnection::end_block() {
    links().own()->finish_sending();
    hold_back_the_rest();  // it goes by another link
}

/// What comes behind the block is not sent behind it.
void ClientConnection::hold_back_the_rest() {
    if (intake().wait() == Wait::nothing || intake().wait() == Wait::window) {
        intake().pause(Wait::drained);
    }
}

void ClientConnection::drain() {
    if (ended_ || closed_ || large().active() || relay().active() || state().listens) {
        return;
    }
    if (notices().moves()) {
        return;
    }
    leaving_ = true;
    if (!order().idle() || context().turn.now() - heard_at_ >= kPause) {
        mark();
    }
}

void ClientConnection::leave_if_done() {
    if (!leaving_ || ended_) {
        return;
    }
    const auto now = context().turn.now();
    if (order().in_flight() > 1 || intake().kept() > 0) {
        pipelined_at_ = now;
    } else if (intake().wait() != Wait::output && now - pipelined_at_ >= kPause) {
        end(Closed::drain);
    }
}

}  // namespace portal::session
