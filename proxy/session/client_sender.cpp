#include "session/client_sender.hpp"

#include "session/session.hpp"
#include "session/session_bounds.hpp"

namespace portal::session {

using observe::Closed;

namespace {

/// A client that has much to read gets this many bytes of messages in one turn.
constexpr std::size_t kMessagesPerTurn = 1024 * 1024;

}  // namespace

void ClientSender::send_what_came() {
    if (keep_output_bounded()) {
        if (links().own() && output_.unsent().size() >= kSendAt) {
            links().own()->pause_reading();
        }
        mark();
    }
}

void ClientSender::send() {
    if (output_.has_messages() && !connection().stream().blocked()) {
        send_messages();
    }
    if (connection().closed()) {
        return;
    }
    // What the handshake has left is not sent to a client that has gone.
    if ((!output_.empty() || (connection().stream().owes() && !connection().half_closed())) &&
        !connection().stream().blocked() && !output_.has_messages()) {
        const net::Stream::Sent sent = connection().stream().send(output_.unsent());
        context().counters.client_sent_bytes.add(sent.taken);
        sent_bytes_ += sent.taken;
        output_.sent(sent.taken);
        if (output_.empty()) {
            context().room.spare.take_back(output_);
        }
        note_written(sent.status);
    }
    if (unread() > context().config->limits.output_bytes.count && !connection().closed()) {
        connection().close(Closed::output_limit);
    }
}

/// Messages and replies in their order, until the socket is full or this client has had its share of the turn.
void ClientSender::send_messages() {
    std::size_t sent = 0;
    net::Stream::Status status = net::Stream::Status::data;
    while (status == net::Stream::Status::data && sent < kMessagesPerTurn) {
        const std::string_view piece = output_.next_piece(state().protocol, context().room.gathered);
        if (piece.empty()) {
            break;
        }
        status = connection().stream().send(piece).status;
        sent += piece.size();
    }
    output_.pieces_sent();
    context().counters.client_sent_bytes.add(sent);
    sent_bytes_ += sent;
    if (status == net::Stream::Status::data && output_.has_messages()) {
        context().turn.mark_later(session_);
    }
    note_written(status);
}

std::size_t ClientSender::unread() const noexcept {
    return output_.unread() + order().stored_bytes() + proofs().parked().bytes();
}

void ClientSender::send_message(const upstream::MessagePtr& message) {
    if (connection().closed() || connection().is_cut_off() || relay().replicates()) {
        return;
    }
    const bool first = output_.push(message);
    if (unread() > context().config->limits.output_bytes.count) {
        connection().cut_off(Closed::output_limit);
    } else if (first) {  // else it is marked already, or waits for the socket
        context().turn.mark_later(session_);
    }
}

void ClientSender::send_push(std::string_view frame) {
    if (connection().closed() || frame.empty() || relay().replicates()) {
        return;
    }
    if (output_.within_reply()) {
        send_message(upstream::MessagePtr(new upstream::Message(frame)));
        return;
    }
    const SessionPtr alive(&session_);
    output_.append(frame);
    if (keep_output_bounded()) {
        mark();
    }
}

void ClientSender::note_written(net::Stream::Status status) {
    if (status == net::Stream::Status::failed) {
        connection().close(Closed::client);
        return;
    }
    if (status != net::Stream::Status::again || writing_) {
        return;
    }
    writing_ = true;
    stalled_at_ = context().turn.now();
    connection().arm();
    connection().stream().want_write();
}

void ClientSender::on_writable() {
    writing_ = false;
    connection().note_active();
    note_written(connection().stream().resume_send());
    connection().arm();
    mark();
}

bool ClientSender::keep_output_bounded() {
    if (output_.size() < kSendAt) {
        return true;
    }
    send();
    return !connection().closed();
}

void ClientSender::send_invalidation(std::string_view keys) {
    if (!connection().closed() && !connection().is_cut_off()) {
        send_push(invalidation_for(state(), keys));
    }
}

}  // namespace portal::session
