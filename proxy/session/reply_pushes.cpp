// What comes from the node without having been asked for: messages, invalidations, and what MONITOR shows.
#include "session/replies.hpp"
#include "session/session.hpp"

#include <string>

namespace portal::session {
namespace {

/// What MONITOR shows of a command begins with the time.
bool is_shown_command(std::string_view frame) noexcept {
    return frame.size() > 1 && frame.front() == '+' && frame[1] >= '0' && frame[1] <= '9';
}

}  // namespace

bool Replies::take_push(const resp::ReplyHead& reply, const upstream::PendingRequest* front) {
    const std::string_view frame = reply.bytes();
    if (exec().take_push(frame)) {
        return true;
    }
    const bool in_resp2 = state().listens_on_link && state().protocol == resp::Protocol::resp2;
    if ((frame.front() == '>' || (frame.front() == '*' && in_resp2)) && take_message_on_link(frame)) {
        return true;
    }
    if (front != nullptr && front->sequence == kNoSlot &&
        command::is_subscription(command::row_at(front->tag).handling)) {
        // Its refusal answers all of it. Messages that come before it are for nobody any more.
        using Type = upstream::PubSubFrame::Type;
        const Type type = upstream::read_pubsub_frame(frame).type;
        if (reply.is_error() || type == Type::unsubscribed) {
            return false;
        }
        if (type != Type::reply) {
            return true;
        }
    }
    if (reply.is_push() && state().protocol == resp::Protocol::resp2) {
        return true;  // this client knows none
    }
    if (frame.front() != '>' && !(state().monitoring && is_shown_command(frame))) {
        return false;
    }
    sender().send_push(translated(frame));
    return true;
}

/// A message for what a transaction subscribed to. False: it is something else.
bool Replies::take_message_on_link(std::string_view frame) {
    const upstream::PubSubFrame head = upstream::read_pubsub_frame(frame);
    if (head.type != upstream::PubSubFrame::Type::message) {
        return false;
    }
    if (features().subscriptions() &&
        features().subscriptions()->listens_on_link(head)) {  // else it comes by a feed too
        sender().send_push(frame);
    }
    return true;
}

std::string Replies::translated(std::string_view frame) const {
    const ClientTracking* const tracking = features().tracking();
    return tracking != nullptr ? tracking->translated(frame) : std::string(frame);
}

}  // namespace portal::session
