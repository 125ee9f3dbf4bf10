// Session: a client in the debugger of scripts. From its first script on, client and node speak with each other and the
// portal passes everything on, on a link that serves nobody else afterwards. It ends when either side goes.
#include "session/session.hpp"
#include "session/session_bounds.hpp"

#include <utility>

namespace portal::session {

/// False: what was sent before must be answered first.
bool Session::begin_relay(const Row& row, std::string_view frame) {
    if (!order_.idle()) {
        pause(Wait::drained);
        return false;
    }
    relaying_ = true;
    order_.note_sent(pinned_.get(), 0);
    const upstream::LinkPtr link(pinned_.get());
    link->taint();
    link->stream(open_request(row));
    link->relay();
    link->stream_part(frame, false);
    return true;
}

/// The node has ended it. What it said last still goes out.
void Session::end_relay(const upstream::PendingRequest& request) {
    order_.finish(request.sequence, {}, output_);
    ended_ = true;
    ending_ = observe::Closed::backend;
    context_.turn.mark(*this);
}

/// A request of the client in the debugger: of Redis's own, or a word of the debugger's.
void Session::relay_request(const Row& row, const resp::RequestView& request) {
    if (!pinned_) {
        return;  // the debugger has ended, and so does the client
    }
    if (!context_.refusal(row, request).empty()) {
        context_.counters.commands_denied.add();
        close(observe::Closed::backend);  // an answer of the portal's has no place among those of the debugger
        return;
    }
    context_.counters.commands.add();
    const upstream::LinkPtr link(pinned_.get());
    link->stream_part(request.frame(), false);
    if (link->unsent() > kUnwritten) {
        pause(Wait::link);
    }
}

void Session::on_relayed(std::string_view bytes) {
    output_.append(bytes);
    send_what_came();
}

}  // namespace portal::session
