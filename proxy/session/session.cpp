#include "session/session.hpp"

#include "conversation/client_errors.hpp"
#include "net/proxy_header.hpp"
#include "observe/log.hpp"
#include "session/session_bounds.hpp"

#include <algorithm>
#include <utility>

namespace portal::session {

using command::Handling;
using observe::Closed;
using observe::HandshakeFailure;

namespace {

/// Reads of one client in one turn, so that a fast one does not starve the others.
constexpr int kReadsPerTurn = 4;

}  // namespace

Session::Session(SessionContext& context, Origin origin, std::shared_ptr<SSL_CTX> tls)
    : context_(context),
      stream_(origin.descriptor, context.scratch, std::move(tls)),
      origin_(std::move(origin)),
      scanner_(context.limits) {}

Session::~Session() = default;
// ---------------------------------------------------------------------------------------------- from the client

/// While waiting nothing more is read: the socket's buffer, and then the client, feel it. But a client that is blocked
/// at the node or paused may go meanwhile, and what it waits for must then end; so a little is read ahead of it.
bool Session::reads_on() const noexcept {
    if (wait_ == Wait::nothing) {
        return !executed_;
    }
    const bool may_block = pinned_ && (wait_ == Wait::drained || wait_ == Wait::window || wait_ == Wait::reply);
    return (may_block || wait_ == Wait::paused) && input_.size() < kReadAhead;
}

void Session::wait_readable() {
    if (!closed_ && !ended_ && !eof_) {
        stream_.want_read();
    }
}

void Session::on_stream(bool readable, bool writable) {
    const SessionPtr alive(this);
    if (writable) {
        on_writable();
    }
    if (readable && !closed_) {
        on_readable();
    }
    if (stream_.ended() && !closed_) {
        context_.turn.mark(*this);  // it may be blocked, and not be read because of that
    }
}

void Session::on_readable() {
    if (proxy_header_ && !take_proxy_header()) {
        return;
    }
    for (int reads = 0; reads < kReadsPerTurn && reads_on() && !closed_ && !ended_; ++reads) {
        std::span<char> space(context_.scratch.plain.data(), context_.scratch.plain.size());
        const net::Stream::Received received = stream_.receive(space);
        if (!established_ && stream_.established()) {
            on_established();
        }
        if (stream_.blocked() && !writing_) {
            note_written(net::Stream::Status::again);  // TLS itself had something to answer
        }
        if (received.size > 0) {
            heard_at_ = context_.turn.now();
            context_.counters.client_received_bytes.add(received.size);
            note_activity();
            take_input(std::string_view(space.data(), received.size));
        }
        if (received.status == net::Stream::Status::failed || received.status == net::Stream::Status::closed) {
            on_client_end(received.status);
            return;
        }
        if (!received.more) {
            break;
        }
    }
    if (reads_on()) {
        wait_readable();
    }
}
/// Takes the requests out of `fresh` bytes, or out of what was left before with `fresh` behind it; keeps the rest.
void Session::take_input(std::string_view fresh) {
    if (input_.empty()) {
        const std::size_t taken = take_requests(fresh);
        if (!closed_ && taken < fresh.size() && !input_.append(fresh.substr(taken))) {
            protocol_error(resp::Error::request_too_large);
        }
    } else if (!input_.append(fresh)) {
        protocol_error(resp::Error::request_too_large);
    } else {
        input_.consume(take_requests(input_.view()));
        if (input_.empty()) {
            input_.release();
        }
    }
    if (wait_ == Wait::leader) {
        account_held();
    }
}

/// Returns how many of `bytes` were taken.
std::size_t Session::take_requests(std::string_view bytes) {
    std::size_t taken = 0;
    while (taken < bytes.size() && wait_ == Wait::nothing && !closed_ && !ended_ && !executed_) {
        if (recovery_.due()) {
            pause(Wait::drained);  // a link was lost in this turn; what it carried comes before what was read now
            break;
        }
        scanner_.set_limits(must_log_in() ? context_.unauthenticated_limits : context_.limits);
        const std::string_view rest = bytes.substr(taken);
        const resp::ScanResult result = scanner_.scan(rest);
        switch (result.status) {
            case resp::ScanStatus::need_more:
                return taken + take_part(rest);
            case resp::ScanStatus::empty:
                taken += result.size;
                break;
            case resp::ScanStatus::error:
                protocol_error(result.error);
                return bytes.size();
            case resp::ScanStatus::complete:
                if (large_ != Large::nothing) {
                    take_last_part(rest.substr(0, result.size));
                } else if (!take_request(rest.substr(0, result.size), rest.substr(result.size))) {
                    return taken;  // not now: the same bytes are framed again when the wait is over
                }
                taken += result.size;
                if (unit_.left() > 0) {
                    taken += take_unit(bytes.substr(taken));
                }
                break;
        }
    }
    return ended_ ? bytes.size() : taken;
}

void Session::protocol_error(resp::Error error) {
    context_.counters.protocol_errors.add();
    give_up_large();
    reply_error("ERR " + scanner_.error_text(error));
    ended_ = true;
    ending_ = Closed::protocol;
    context_.turn.mark(*this);
}

// ---------------------------------------------------------------------------------------------- to the client

bool Session::on_reply(upstream::PendingRequest& request, const resp::ReplyHead& reply, std::string_view command) {
    if (closed_) {
        return true;
    }
    const Row& row = command::row_at(request.tag);
    if (request.unit) {
        unit_.follow(request, row, !reply.is_error());
    }
    if (request.sequence == kNoSlot || request.silent) {
        return take_own(request, reply.bytes(), command);
    }
    std::string_view bytes = reply.bytes();
    order_.learn(bytes.size());
    if ((request.unit || transaction_.contains(request)) && row.handling != Handling::exec) {
        note_queued(row, bytes, command);
    }
    const bool judged = reply.is_error() || !recovery_.empty();
    if (judged && exec_reply_.empty() && take_back(request, row, bytes, reply.complete(), command)) {
        return true;
    }
    const bool queued = request.unit || transaction_.active();
    std::string replacement;
    if (row.handling == Handling::exec && !request.unit && !transaction_.queued().own().empty()) {
        return take_exec(request, bytes);
    }
    // One of a unit says nothing of a transaction that may have been opened behind it.
    if (row.handling != Handling::plain && !request.unit && reply.complete()) {
        note_login(command, row, bytes, replacement);
        note_reply(row, !reply.is_error(), bytes, command);
    }
    if (reply.is_error()) {
        at(context_.counters.error_replies, observe::error_of(bytes)).add();
    }
    const bool acknowledges = reply.complete() && replacement.empty() && awaits_proof(request, row, reply, queued);
    hand_over(request, reply.complete(), replacement.empty() ? bytes : replacement, command, acknowledges);
    return true;
}

/// `bytes`, a reply or the beginning of a large one, is for the client. `acknowledges`: a write.
void Session::hand_over(upstream::PendingRequest& request, bool complete, std::string_view bytes,
                        std::string_view command, bool acknowledges) {
    const std::string_view heard = request.muted ? std::string_view() : bytes;
    if (complete) {
        finish_reply(request, heard, acknowledges);
    } else {
        pass_head(request, command::row_at(request.tag), heard, command);
    }
    send_what_came();
}

/// The beginning of a large reply.
void Session::pass_head(upstream::PendingRequest& request, const Row& row, std::string_view bytes,
                        std::string_view command) {
    if (!request.streamed) {
        note_large_key(row, resp::RequestView(command));
    }
    if (order_.is_front(request.sequence) && !order_.has_part()) {
        output_.begin_reply(bytes);
    } else {
        keep_part(request.sequence, bytes);
    }
}

/// What a large reply goes on with. Errors are never large, so it was accepted.
void Session::on_rest(upstream::PendingRequest& request, const resp::ReplyRest& rest, std::string_view command) {
    if (closed_) {
        return;
    }
    const std::string_view bytes = request.muted ? std::string_view() : rest.bytes();
    const bool waits = order_.has_part(request.sequence);
    if (!rest.last() && waits) {
        keep_part(request.sequence, bytes);
    } else if (!rest.last()) {
        output_.append(bytes);
    } else {
        const Row& row = command::row_at(request.tag);
        if (row.handling != Handling::plain && !request.unit) {
            note_reply(row, true, {}, command);
        }
        // With writes.proven no reply to a write comes in parts.
        finish_reply(request, bytes, false);
        output_.end_reply();
    }
    send_what_came();
}

/// `unproven`: it acknowledges a write.
void Session::finish_reply(const upstream::PendingRequest& request, std::string_view bytes, bool unproven) {
    order_.note_back(request.size);
    if (context_.first_write_due && unproven) {
        context_.note_first_write();
    }
    if (order_.has_part(request.sequence)) {
        order_.finish(request.sequence, order_.take_part().append(bytes), output_);
    } else if (context_.proof == nullptr || !unproven || !park(request, bytes)) {
        deliver(request.sequence, bytes);
    }
}

void Session::send_what_came() {
    if (keep_output_bounded()) {
        if (pinned_ && output_.unsent().size() >= kSendAt) {
            pinned_->pause_reading();
        }
        context_.turn.mark(*this);
    }
}

void Session::flush() {
    if (closed_) {
        return;
    }
    const SessionPtr alive(this);
    note_activity();
    if (recovery_.due() && !cut_off_) {
        settle_losses();
    }
    if (cut_off_) {
        close(ending_);
        return;
    }
    end_hold_if_due();
    if (wait_ == Wait::output) {
        send_output();
    }
    resume_if_due();
    if (stream_.ended() || eof_) {
        settle_end();
    }
    if (!closed_) {
        send_output();
    }
    if (timed_ && order_.is_done(timed_->slot)) {
        note_duration();
    }
    if (pinned_ && output_.unsent().size() < kSendAt / 2 && order_.part_size() < kSendAt) {
        pinned_->resume_reading();
    }
    if (leaving_ && !ended_) {
        leave_if_done();
    }
    close_if_done();
}

/// Nothing more comes from the client, and nothing is left for it.
void Session::close_if_done() {
    const bool finished = ended_ || (eof_ && wait_ == Wait::nothing);
    if (!closed_ && finished && order_.outstanding() == 0 && output_.empty() && !stream_.blocked() &&
        !output_.has_messages()) {
        close(ended_ ? ending_ : Closed::client);
    }
}

/// Ends the wait whose reason is gone, and goes on with what was read already.
void Session::resume_if_due() {
    release_pinned_if_free();
    if (pinned_ && pinned_->finishes() && order_.idle()) {
        ended_ = true;  // what comes behind would need what that link carries
        ending_ = Closed::client;
        return;
    }
    const bool slow = unread() >= kSendAt && stream_.blocked();
    if (wait_ == Wait::nothing) {
        if (slow) {
            pause(Wait::output);
        }
        return;
    }
    if (wait_ == Wait::drained ? !settle_drained() : !wait_is_over()) {
        return;
    }
    if (slow) {
        wait_ = Wait::output;  // else a client that reads more slowly than the node sends is asked for more and more
        return;
    }
    if (pinned_ && pinned_->finishes()) {
        pause(Wait::drained);  // what comes behind goes by another link
        return;
    }
    wait_ = Wait::nothing;
    if (!input_.empty()) {
        take_input({});
    }
    if (reads_on() && !closed_ && !ended_) {
        wait_readable();
    }
}

/// The reason for which the client waits, other than to be drained, is gone.
bool Session::wait_is_over() const noexcept {
    switch (wait_) {
        case Wait::window:
            return order_.has_room(parked_.size());
        case Wait::output:
            return !stream_.blocked();
        case Wait::link:
            return !pinned_ || (pinned_->unsent() == 0 && (relaying_ || !order_.idle() || pinned_->pending() == 0));
        default:
            return false;
    }
}

/// What was sent is answered, or has come back. True: all of it is answered.
bool Session::settle_drained() {
    if (!order_.idle()) {
        return false;
    }
    if (!link_agrees()) {
        pinned_->end("the node did not end a transaction that is over for the client");
        settle_losses();
        if (closed_ || cut_off_) {
            return false;
        }
    }
    if (!recovery_.empty()) {
        hold();  // those that came back and go on another link than the ones before them
        retry();
        return false;
    }
    hold_began_.reset();
    return true;
}

void Session::pause(Wait wait) {
    wait_ = wait;
    context_.turn.mark(*this);
}

}  // namespace portal::session
