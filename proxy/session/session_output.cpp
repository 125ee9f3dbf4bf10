// Session: from the bytes and messages that are due to what the socket takes.
#include "session/session.hpp"

#include <utility>

namespace portal::session {

using observe::Closed;

/// Sends what the socket takes. Closes a client that has left too much unread.
void Session::send_output() {
    if (has_messages() && !stream_.blocked()) {
        send_messages();
    }
    if (closed_) {
        return;
    }
    // What the handshake has left is not sent to a client that has gone.
    if ((!output_.empty() || (stream_.owes() && !eof_)) && !stream_.blocked() && !has_messages()) {
        const net::Stream::Sent sent = stream_.send(std::string_view(output_).substr(output_sent_));
        context_.counters.client_sent_bytes.add(sent.taken);
        output_sent_ += sent.taken;
        if (output_sent_ >= output_.size() / 2) {  // else what is left would be moved too often
            trim_output();
        }
        if (output_.empty()) {
            context_.spare.take_back(output_);
        }
        note_written(sent.status);
    }
    if (unread() > context_.config->limits.output_bytes.count && !closed_) {
        close(Closed::output_limit);
    }
}

/// What the client has not taken yet. Messages count as if they were this client's alone.
std::size_t Session::unread() const noexcept {
    return unsent_output() + order_.stored_bytes() + parked_.bytes() + (messages_ ? messages_->bytes() : 0) +
           (behind_ ? behind_->bytes : 0);
}

/// Forgets what the stream has taken.
void Session::trim_output() {
    if (output_sent_ > 0) {
        output_.erase(0, std::exchange(output_sent_, 0));
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
