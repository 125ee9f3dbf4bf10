#include "upstream/login_watch.hpp"

#include "resp/reply_writer.hpp"
#include "upstream/link.hpp"

#include <string>

namespace portal::upstream {

namespace {

/// An answer to a login, which would come here if the node had answered that twice, is none.
bool answers_ping(const resp::ReplyHead& reply) {
    const std::string_view bytes = reply.bytes();
    return bytes == "+PONG\r\n" || (reply.is_error() && !bytes.starts_with("-WRONGPASS"));
}

}  // namespace

/// After RESET a connection is what a new one would be: logged in as the default user if that needs no password now,
/// and without its name.
void LoginWatch::ask(Link& link, std::string_view name) {
    if (asking_) {
        return;
    }
    asking_ = true;
    std::string frame;
    resp::write_request(frame, "RESET");
    submit(link, frame, reset);
    frame.clear();
    resp::write_request(frame, "PING");
    submit(link, frame, ping);
    if (!name.empty()) {
        frame.clear();
        resp::write_request(frame, "HELLO", "2", "SETNAME", name);
        submit(link, frame, set_name);
    }
}

void LoginWatch::submit(Link& link, std::string_view frame, Question question) {
    PendingRequest pending;
    pending.sink = ReplySinkPtr(this);
    pending.tag = question;
    pending.effect = Effect::none;
    link.submit(frame, std::move(pending));
}

bool LoginWatch::on_reply(PendingRequest& request, const resp::ReplyHead& reply, std::string_view /*command*/) {
    if (request.tag == reset) {
        reset_accepted_ = reply.bytes() == "+RESET\r\n";
        return true;
    }
    if (request.tag == set_name) {
        return true;  // a node that wants a login gives no name to newcomers
    }
    asking_ = false;
    if (!reset_accepted_ || !answers_ping(reply)) {
        told_(Verdict::unknown);
    } else {
        told_(reply.bytes().starts_with("-NOAUTH") ? Verdict::login_required : Verdict::open);
    }
    return true;
}

void LoginWatch::on_lost(PendingRequest& /*request*/, std::string_view /*command*/, const Loss& /*loss*/) {
    asking_ = false;
}

void LoginWatch::on_refused(PendingRequest& /*request*/, std::string_view /*command*/, std::string_view /*error*/) {
    asking_ = false;
}

bool LoginWatch::take_push(const resp::ReplyHead& /*frame*/, const PendingRequest* /*front*/) {
    return false;
}

void LoginWatch::on_pinned_lost() {}

}  // namespace portal::upstream
