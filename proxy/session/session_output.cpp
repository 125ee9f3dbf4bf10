// Session: from the output of a client to its socket.
#include "session/session.hpp"

#include <utility>

namespace portal::session {

using observe::Closed;

namespace {

/// A client that has much to read gets this many bytes of messages in one turn.
constexpr std::size_t kMessagesPerTurn = 1024 * 1024;

}  // namespace

/// Sends what the socket takes. Closes a client that has left too much unread.
void Session::send_output() {
    if (output_.has_messages() && !stream_.blocked()) {
        send_messages();
    }
    if (closed_) {
        return;
    }
    // What the handshake has left is not sent to a client that has gone.
    if ((!output_.empty() || (stream_.owes() && !eof_)) && !stream_.blocked() && !output_.has_messages()) {
        const net::Stream::Sent sent = stream_.send(output_.unsent());
        context_.counters.client_sent_bytes.add(sent.taken);
        output_.sent(sent.taken);
        if (output_.empty()) {
            context_.spare.take_back(output_);
        }
        note_written(sent.status);
    }
    if (unread() > context_.config->limits.output_bytes.count && !closed_) {
        close(Closed::output_limit);
    }
}

/// Messages and replies in their order, until the socket is full or this client has had its share of the turn.
void Session::send_messages() {
    std::size_t sent = 0;
    net::Stream::Status status = net::Stream::Status::data;
    while (status == net::Stream::Status::data && sent < kMessagesPerTurn) {
        const std::string_view piece = output_.next_piece(state_.protocol, context_.gathered);
        if (piece.empty()) {
            break;
        }
        status = stream_.send(piece).status;
        sent += piece.size();
    }
    output_.pieces_sent();
    context_.counters.client_sent_bytes.add(sent);
    if (status == net::Stream::Status::data && output_.has_messages()) {
        context_.turn.mark_later(*this);
    }
    note_written(status);
}

/// What the client has not taken yet.
std::size_t Session::unread() const noexcept {
    return output_.unread() + order_.stored_bytes() + parked_.bytes();
}

/// One of perhaps ten thousand calls for one message: notes it, and leaves the rest to the flush.
void Session::send_message(const upstream::MessagePtr& message) {
    if (closed_ || cut_off_) {
        return;
    }
    const bool first = output_.push(message);
    if (unread() > context_.config->limits.output_bytes.count) {
        cut_off(Closed::output_limit);
    } else if (first) {  // else it is marked already, or waits for the socket
        context_.turn.mark_later(*this);
    }
}

void Session::send_push(std::string_view frame) {
    if (closed_ || frame.empty()) {
        return;
    }
    if (output_.within_reply()) {
        send_message(upstream::MessagePtr(new upstream::Message(frame)));
        return;
    }
    const SessionPtr alive(this);
    output_.append(frame);
    if (keep_output_bounded()) {
        context_.turn.mark(*this);
    }
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
    stalled_at_ = context_.turn.now();
    arm_deadline();
    stream_.want_write();
}

/// The reply of the command that is timed has gone out, or stands first in what the client does not read.
void Session::note_duration() {
    at(context_.counters.command_times, timed_->what).note(context_.turn.now() - timed_->since);
    timed_.reset();
}

void Session::on_writable() {
    writing_ = false;
    active_at_ = context_.turn.now();
    note_written(stream_.resume_send());
    arm_deadline();
    context_.turn.mark(*this);
}

}  // namespace portal::session
