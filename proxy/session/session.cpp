#include "session/session.hpp"

#include "session/session_bounds.hpp"

#include <utility>

namespace portal::session {

Session::Session(SessionContext& shared, Origin origin, std::shared_ptr<SSL_CTX> tls)
    : context(shared),
      connection(*this, std::move(origin), std::move(tls)),
      sender(*this),
      intake(*this),
      requests(*this),
      links(*this),
      replies(*this),
      login(*this),
      tokens(*this),
      exec(*this),
      large(*this),
      relay(*this),
      hold(*this),
      losses(*this),
      proofs(*this),
      features(*this),
      notices(*this) {}

Session::~Session() = default;

void Session::flush() {
    if (connection.closed()) {
        return;
    }
    const SessionPtr alive(this);
    connection.note_activity();
    if (conversation.recovery.due() && !connection.is_cut_off()) {
        losses.settle();
    }
    if (connection.is_cut_off()) {
        connection.close(connection.ending());
        return;
    }
    hold.end_if_due();
    if (intake.wait() == Wait::output) {
        sender.send();
    }
    intake.resume_if_due();
    connection.settle_end();
    notices.settle();
    if (!connection.closed()) {
        sender.send();
    }
    replies.note_duration();
    if (links.own() && sender.output().unsent().size() < kSendAt / 2 && conversation.order.part_size() < kSendAt) {
        links.own()->resume_reading();
    }
    connection.leave_if_done();
    connection.close_if_done();
}

bool Session::on_reply(upstream::PendingRequest& request, const resp::ReplyHead& reply, std::string_view command) {
    return replies.on_reply(request, reply, command);
}

void Session::on_rest(upstream::PendingRequest& request, const resp::ReplyRest& rest, std::string_view command) {
    replies.on_rest(request, rest, command);
}

void Session::on_lost(upstream::PendingRequest& request, std::string_view command, const upstream::Loss& loss) {
    losses.on_lost(request, command, loss);
}

void Session::on_refused(upstream::PendingRequest& request, std::string_view command, std::string_view error) {
    losses.on_refused(request, command, error);
}

bool Session::take_push(const resp::ReplyHead& frame, const upstream::PendingRequest* front) {
    return replies.take_push(frame, front);
}

void Session::on_pinned_lost() {
    losses.on_own_link_lost();
}

void Session::on_streamed() {
    large.on_streamed();
}

void Session::on_opened() {
    relay.on_opened();
}

void Session::on_relayed(std::string_view bytes) {
    relay.on_relayed(bytes);
}

void Session::on_moved(const upstream::Link& link) {
    conversation.order.note_moved(&link);
}

bool Session::adopt(upstream::Lease& lease) {
    return links.adopt(lease);
}

upstream::Link* Session::own_link() {
    return links.own_link();
}

}  // namespace portal::session
