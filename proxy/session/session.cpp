#include "session/session.hpp"

#include <strings.h>

#include <algorithm>
#include <utility>

#include "session/client_errors.hpp"

namespace portal::session {

using command::Handling;
using command::Transaction;
using observe::Closed;
using observe::HandshakeFailure;
using route::Destination;

namespace {

/// More requests or bytes than this in flight, and the session takes no further commands until some are answered.
constexpr std::uint32_t kWindowRequests = 4096;
constexpr std::size_t kWindowBytes = 1024 * 1024;
/// An idle client's output buffer is given back when it is larger.
constexpr std::size_t kKeepOutput = 512;
/// Reads of one client in one turn, so that a fast one does not starve the others.
constexpr int kReadsPerTurn = 4;
/// How far a transaction is looked ahead for its EXEC.
constexpr std::uint32_t kUnitCommands = 1024;

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

/// The first words of an HTTP request or header.
bool is_http(std::string_view word) {
    return (word.size() == 4 && ::strncasecmp(word.data(), "post", 4) == 0) ||
           (word.size() == 5 && ::strncasecmp(word.data(), "host:", 5) == 0);
}

/// How many commands after a MULTI, its EXEC included, are all in `rest` and may travel on a shared link; 0: not a whole
/// transaction.
std::uint32_t whole_transaction(std::string_view rest, const resp::RequestLimits& limits,
                                const command::DenyList& denied) {
    resp::RequestScanner scanner(limits);
    for (std::uint32_t count = 1; count <= kUnitCommands; ++count) {
        const resp::ScanResult result = scanner.scan(rest);
        if (result.status != resp::ScanStatus::complete || resp::is_inline(rest.substr(0, result.size))) {
            return 0;
        }
        const resp::RequestView request(rest.substr(0, result.size));
        const command::CommandRow& row = command::classify(request);
        if (row.handling == Handling::exec || row.handling == Handling::discard) {
            return request.argc() == 1 ? count : 0;
        }
        if (row.affinity != command::Affinity::shared || denied.denies(row, request)) {
            return 0;
        }
        rest.remove_prefix(result.size);
    }
    return 0;
}

}  // namespace

Session::Session(SessionContext& context, net::Stream stream, Origin origin)
    : context_(context), stream_(std::move(stream)), origin_(std::move(origin)), scanner_(context.limits) {}

Session::~Session() = default;

void Session::start(bool refused) {
    refused_ = refused;
    intrusive_ptr_add_ref(this);
    context_.registry.all.push_back(*this);
    if (stream_.established()) {
        on_established();
    } else {
        context_.handshake_deadlines.arm(*this, context_.turn.now());
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
    at(context_.counters.client_connections_closed, reason).add();
    context_.counters.client_connections.subtract();
    disarm();
    leave_hold();
    stream_.close();
    if (pinned_) {
        context_.links.give_back(std::exchange(pinned_, nullptr), false);
    }
    lost_.clear();
    RegistryHook<AllTag>::unlink();
}

/// The handshake took too long, the client is idle, does not read, or the hold has ended: there is one deadline at a time.
void Session::expired() {
    if (!established_) {
        at(context_.counters.tls_handshake_failures, HandshakeFailure::timeout).add();
        close(Closed::handshake);
    } else if (stream_.blocked()) {
        close(Closed::output_limit);
    } else if (wait_ == Wait::leader) {
        refuse_held(client_errors::kNoLeader);
    } else if (in_flight_ == 0 && !state_.needs_pinned()) {
        close(Closed::idle);
    }
}

// ---------------------------------------------------------------------------------------------- from the client

void Session::wait_readable() {
    if (reading_ || closed_ || ended_ || eof_) {
        return;
    }
    reading_ = true;
    stream_.wait_readable([self = SessionPtr(this)](const boost::system::error_code& error) {
        self->context_.turn.begin_event();
        self->reading_ = false;
        if (!error && !self->closed_) {
            self->on_readable();
        }
        self->finish_event();
    });
}

void Session::on_readable() {
    // While waiting nothing more is read: the socket's buffer, and then the client, feel it.
    for (int reads = 0; reads < kReadsPerTurn && wait_ == Wait::nothing && !closed_ && !ended_; ++reads) {
        std::span<char> space(context_.scratch.plain.data(), context_.scratch.plain.size());
        const net::Stream::Received received = stream_.receive(space);
        if (!established_ && stream_.established()) {
            on_established();
        }
        if (received.size > 0) {
            context_.counters.client_received_bytes.add(received.size);
            context_.idle_deadlines.arm(*this, context_.turn.now());
            take_input(std::string_view(space.data(), received.size));
        }
        if (received.status == net::Stream::Status::failed || received.status == net::Stream::Status::closed) {
            if (!established_) {
                at(context_.counters.tls_handshake_failures, handshake_failure(stream_)).add();
                close(Closed::handshake);
            } else if (received.status == net::Stream::Status::failed || pinned_) {
                close(Closed::client);
            } else {
                eof_ = true;
                context_.turn.mark(*this);
            }
            return;
        }
        if (!received.more) {
            break;
        }
    }
    if (wait_ == Wait::nothing) {
        wait_readable();
    }
}

void Session::on_established() {
    established_ = true;
    disarm();
    context_.idle_deadlines.arm(*this, context_.turn.now());
    if (const net::TlsEngine* tls = stream_.tls()) {
        (tls->version() == TLS1_3_VERSION ? context_.counters.tls13_handshakes : context_.counters.tls12_handshakes).add();
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

/// Takes the requests out of `fresh` bytes, or out of what was left before with `fresh` behind it; keeps the rest.
void Session::take_input(std::string_view fresh) {
    if (input_.empty()) {
        const std::size_t taken = take_requests(fresh);
        if (!closed_ && taken < fresh.size() && !input_.append(fresh.substr(taken))) {
            protocol_error(resp::Error::request_too_large);
        }
        return;
    }
    if (!input_.append(fresh)) {
        protocol_error(resp::Error::request_too_large);
        return;
    }
    input_.consume(take_requests(input_.view()));
    if (input_.empty()) {
        input_.release();
    }
}

/// Returns how many of `bytes` were taken.
std::size_t Session::take_requests(std::string_view bytes) {
    std::size_t taken = 0;
    while (taken < bytes.size() && wait_ == Wait::nothing && !closed_ && !ended_) {
        scanner_.set_limits(must_log_in() ? context_.unauthenticated_limits : context_.limits);
        const std::string_view rest = bytes.substr(taken);
        const resp::ScanResult result = scanner_.scan(rest);
        switch (result.status) {
            case resp::ScanStatus::need_more:
                return taken;
            case resp::ScanStatus::empty:
                taken += result.size;
                break;
            case resp::ScanStatus::error:
                protocol_error(result.error);
                return bytes.size();
            case resp::ScanStatus::complete:
                if (!take_request(rest.substr(0, result.size), rest.substr(result.size))) {
                    return taken;  // not now: the same bytes are framed again when the wait is over
                }
                taken += result.size;
                break;
        }
    }
    return ended_ ? bytes.size() : taken;
}

void Session::protocol_error(resp::Error error) {
    context_.counters.protocol_errors.add();
    reply_error("ERR " + scanner_.error_text(error));
    ended_ = true;
    ending_ = Closed::protocol;
    context_.turn.mark(*this);
}

/// One framed request; `rest` is what follows it. False: it must wait, and stays in the input.
bool Session::take_request(std::string_view frame, std::string_view rest) {
    std::string converted;
    if (resp::is_inline(frame)) {
        std::optional<std::string> words = resp::inline_to_multibulk(frame);
        if (!words) {
            protocol_error(resp::Error::unbalanced_quotes);
            return true;
        }
        if (words->empty()) {
            return true;
        }
        converted = std::move(*words);
        frame = converted;
    }
    const resp::RequestView request(frame);
    const Row& row = command::classify(request);
    muted_ = state_.reply_mode == command::ReplyMode::off || state_.reply_mode == command::ReplyMode::skip_this;

    if (row.handling == Handling::unknown && is_http(request.arg(0))) {
        close(Closed::protocol);  // as redis-server: a browser was lured into talking to us
        return true;
    }
    bool taken = true;
    if (must_log_in() && row.handling != Handling::auth && row.handling != Handling::hello &&
        row.handling != Handling::quit && row.handling != Handling::reset) {
        reply_error(client_errors::kNoAuth);
    } else if (context_.denied.denies(row, request)) {
        context_.counters.commands_denied.add();
        denied_in_transaction_ = denied_in_transaction_ || state_.in_transaction();
        reply_error(std::string(client_errors::kDenied) + std::string(request.arg(0).substr(0, 64)));
    } else {
        if (row.handling == Handling::multi && state_.watch_broken && state_.transaction == Transaction::none) {
            state_.transaction = Transaction::broken;
            std::string out;
            resp::write_simple(out, "OK");
            reply(std::move(out));
            context_.counters.commands.add();
            return true;
        }
        if (row.handling == Handling::multi && !state_.needs_pinned() && !state_.in_transaction() && request.argc() == 1 &&
            unit_left_ == 0) {
            const std::uint32_t commands = whole_transaction(rest, context_.limits, context_.denied);
            unit_left_ = commands > 0 ? commands + 1 : 0;
        }
        Destination destination =
            route::route(row, command::may_block(row, request), state_, context_.forwarding());
        if (unit_left_ > 0 && destination == Destination::pinned) {
            destination = Destination::shared;
        }
        switch (destination) {
            case Destination::local:
                taken = answer_locally(row, request);
                break;
            case Destination::hold:
                if (refusing_) {
                    context_.counters.commands_no_leader.add();
                    reply_error(std::string(client_errors::kNoLeader) + std::string(no_leader_reason()));
                } else {
                    hold();
                    taken = false;
                }
                break;
            case Destination::shared:
            case Destination::pinned:
                taken = forward(row, request, destination);
                break;
        }
    }
    if (!taken) {
        unit_left_ = 0;  // a whole transaction is looked for again when its MULTI is taken
    } else {
        context_.counters.commands.add();
        if (unit_left_ > 0) {
            --unit_left_;
        }
        if (state_.reply_mode == command::ReplyMode::skip_this) {
            state_.reply_mode = command::ReplyMode::on;
        } else if (state_.reply_mode == command::ReplyMode::skip_next) {
            state_.reply_mode = command::ReplyMode::skip_this;
        }
    }
    return taken;
}

/// Sends the request on its link. False: the link is another than the one that still owes replies, so it must wait.
bool Session::forward(const Row& row, const resp::RequestView& request, Destination destination) {
    if (row.handling == Handling::exec && denied_in_transaction_ && state_.transaction == Transaction::open) {
        // The node knows nothing of the command that was denied; with EXEC it would run the others.
        denied_in_transaction_ = false;
        std::string discard;
        resp::write_request(discard, "DISCARD");
        state_.transaction = Transaction::exec_sent;
        return submit(*pinned_, row, discard);
    }
    upstream::Link& link = link_for(destination == Destination::pinned);
    if (in_flight_ > 0 && last_link_ != &link) {
        pause(Wait::drained);
        return false;
    }
    switch (row.handling) {
        case Handling::multi:
            if (unit_left_ == 0 && state_.transaction == Transaction::none && request.argc() == 1) {
                state_.transaction = Transaction::open;
                denied_in_transaction_ = false;
                queued_database_.reset();
            }
            break;
        case Handling::exec:
            if (state_.transaction == Transaction::open && request.argc() == 1) {
                state_.transaction = Transaction::exec_sent;
            }
            break;
        case Handling::watch:
            state_.watching = true;
            break;
        case Handling::select:
            if (state_.transaction == Transaction::open && request.argc() == 2) {
                queued_database_ = static_cast<std::uint32_t>(std::strtoul(std::string(request.arg(1)).c_str(), nullptr, 10));
            }
            break;
        case Handling::plain:
        case Handling::blocking:
        case Handling::script:
        case Handling::discard:
        case Handling::unwatch:
        case Handling::wait:
            break;
        default:
            pinned_clean_ = false;  // subscriptions, tracking, the unknown: the connection is not used again
            break;
    }
    return submit(link, row, request.frame());
}

upstream::Link& Session::link_for(bool pinned) {
    if (!pinned && !pinned_) {
        return context_.links.shared(identity());
    }
    if (!pinned) {
        // The lease ends when its last reply has come; until then last_link_ makes the request wait.
        release_pinned_if_free();
        return pinned_ ? *pinned_ : context_.links.shared(identity());
    }
    if (!pinned_) {
        pinned_ = context_.links.lease(identity(), *this);
        pinned_clean_ = true;
    }
    return *pinned_;
}

bool Session::submit(upstream::Link& link, const Row& row, std::string_view frame) {
    upstream::PendingRequest pending;
    pending.sink = upstream::ReplySinkPtr(this);
    pending.sequence = replies_.open();
    pending.tag = static_cast<std::uint32_t>(command::index_of(row));
    pending.repeatable = !row.write;
    pending.muted = muted_;
    if (row.handling >= Handling::subscribe && row.handling <= Handling::sunsubscribe) {
        // Negative until the first confirmation: -(names + 1), as note_confirmations reads it.
        pending.replies_left = -static_cast<std::int32_t>(resp::RequestView(frame).argc());
    }
    pending.unit = unit_left_ > 0;
    last_link_ = &link;
    ++in_flight_;
    in_flight_bytes_ += frame.size();
    link.submit(frame, std::move(pending));
    const bool may_pause = unit_left_ <= 1;  // a transaction that travels whole is never cut
    if (may_pause && (in_flight_ >= kWindowRequests || in_flight_bytes_ >= kWindowBytes)) {
        pause(Wait::window);
    }
    return true;
}

// ---------------------------------------------------------------------------------------------- to the client

bool Session::on_reply(upstream::PendingRequest& request, std::string_view bytes, bool complete,
                       std::string_view command) {
    if (closed_) {
        return true;
    }
    if (request.sequence == kNoSlot) {
        return take_restored(request, bytes);
    }
    const Row& row = command::row_at(request.tag);
    bool finished = true;
    std::string replacement;
    if (row.handling != Handling::plain) {
        if (row.handling >= Handling::subscribe && row.handling <= Handling::sunsubscribe) {
            finished = note_confirmations(request, row, bytes);
        } else if (complete) {
            note_login(command, row, bytes, replacement);
            note_reply(row, bytes, command);
        }
    }
    if (bytes.front() == '-' && !request.begun) {
        context_.counters.error_replies.add();
    }
    if (!replacement.empty()) {
        bytes = replacement;
    }
    if (request.muted) {
        bytes = {};
    }
    if (complete && finished) {
        --in_flight_;
        in_flight_bytes_ -= request.size;
        if (replies_.is_front(request.sequence)) {
            output_.append(bytes);
            replies_.finish_front(output_);
        } else {
            replies_.finish(request.sequence, std::string(bytes), output_);
        }
    } else {
        output_.append(bytes);
    }
    if (keep_output_bounded()) {
        context_.turn.mark(*this);
    }
    return finished;
}

void Session::flush() {
    if (closed_) {
        return;
    }
    const SessionPtr alive(this);
    if (settle_) {
        settle_losses();
    }
    resume_if_due();
    if (!closed_) {
        send_output();
    }
    const bool finished = ended_ || (eof_ && wait_ == Wait::nothing);
    if (!closed_ && finished && replies_.outstanding() == 0 && output_.empty() && !stream_.blocked()) {
        close(ended_ ? ending_ : Closed::client);
    }
}

void Session::send_output() {
    if (output_.empty() || stream_.blocked()) {
        return;
    }
    context_.counters.client_sent_bytes.add(output_.size());
    const net::Stream::Status status = stream_.send(output_);
    output_.clear();
    if (output_.capacity() > kKeepOutput) {
        output_.shrink_to_fit();
    }
    note_written(status);
}

void Session::note_written(net::Stream::Status status) {
    if (status == net::Stream::Status::failed) {
        close(Closed::client);
        return;
    }
    if (status != net::Stream::Status::again || writing_) {
        return;
    }
    writing_ = true;
    context_.stalled_deadlines.arm(*this, context_.turn.now());
    stream_.wait_writable([self = SessionPtr(this)](const boost::system::error_code& error) {
        self->context_.turn.begin_event();
        self->writing_ = false;
        if (!error && !self->closed_) {
            const net::Stream::Status more = self->stream_.resume_send();
            self->disarm();
            self->note_written(more);
            self->context_.turn.mark(*self);
        }
        self->finish_event();
    });
}

/// Ends the wait whose reason is gone, and goes on with what was read already.
void Session::resume_if_due() {
    release_pinned_if_free();
    switch (wait_) {
        case Wait::nothing:
            if (output_.size() >= kSendAt && stream_.blocked()) {
                pause(Wait::output);
            }
            return;
        case Wait::drained:
            if (in_flight_ > 0) {
                return;
            }
            break;
        case Wait::window:
            if (in_flight_ > kWindowRequests / 2 || in_flight_bytes_ > kWindowBytes / 2) {
                return;
            }
            break;
        case Wait::output:
            if (stream_.blocked()) {
                return;
            }
            break;
        case Wait::reply:
        case Wait::leader:
            return;
    }
    wait_ = Wait::nothing;
    if (!input_.empty()) {
        take_input({});
    }
    if (wait_ == Wait::nothing && !closed_ && !ended_) {
        wait_readable();
    }
}

void Session::pause(Wait wait) {
    wait_ = wait;
    context_.turn.mark(*this);
}

void Session::release_pinned_if_free() {
    if (pinned_ && in_flight_ == 0 && !state_.needs_pinned() && lost_.empty()) {
        const bool clean = pinned_clean_ && !queued_database_;
        context_.links.give_back(std::exchange(pinned_, nullptr), clean);
    }
}

void Session::finish_event() {
    // Alone: nothing but this client's own requests is in flight, so there is no company to wait for.
    context_.turn.end_event(context_.links.in_flight() <= in_flight_);
}

upstream::LinkIdentity Session::identity() const {
    return {state_.credentials->username, state_.credentials->password, state_.protocol, state_.database};
}

bool Session::must_log_in() const noexcept {
    return context_.links.auth_required() && state_.credentials->username.empty();
}

std::string_view Session::no_leader_reason() const noexcept {
    if (!context_.topology->leader) {
        return context_.topology->reason;
    }
    return context_.links.has_leader() ? std::string_view("the record could not be confirmed in time")
                                       : std::string_view("the leader has changed");
}

void Session::drain() {
    if (!ended_ && !closed_) {
        ended_ = true;
        ending_ = Closed::drain;
        context_.turn.mark(*this);
    }
}

}  // namespace portal::session
