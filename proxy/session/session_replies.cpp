// Session: what replies change in the session's state.
#include "conversation/client_errors.hpp"
#include "conversation/hello_request.hpp"
#include "resp/words.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace portal::session {

using command::Handling;

/// `bytes`: of a reply that was not large.
void Session::note_reply(const Row& row, bool accepted, std::string_view bytes, std::string_view command) {
    const bool failed = !accepted;
    switch (row.handling) {
        case Handling::multi:
            transaction_.note_answer(own_state());
            break;
        case Handling::watch:
            transaction_.note_watch(own_state(), false);
            break;
        case Handling::exec:
            transaction_.note_exec_answer(own_state(), !failed || bytes.starts_with("-EXECABORT"));
            break;
        case Handling::discard:
            transaction_.note_answer(own_state());
            transaction_.note_watch(own_state(), !failed);
            break;
        case Handling::unwatch:
            transaction_.note_watch(own_state(), !failed && !transaction_.active());
            break;
        case Handling::script_debug:
            if (!transaction_.active() && !failed) {
                state_.debugging = !resp::is_word(resp::RequestView(command).arg(2), "no");
            }
            break;
        case Handling::fieldset:
            if (!failed) {
                state_.note_fieldset(row.subcommand, transaction_.active(), bytes);
            }
            break;
        case Handling::monitor:
            state_.monitoring = state_.monitoring || !failed;
            break;
        case Handling::client_tracking:
            if (!transaction_.open()) {  // else it is only queued
                use_tracking().note_answer(resp::RequestView(command), bytes);
            }
            break;
        case Handling::blocking:
            static_cast<void>(order_.take_blocked_time(context_.turn.now()));  // the next one begins to wait
            break;
        case Handling::select:
            if (bytes.starts_with("+OK")) {
                note_selected(command);
            }
            end_reply_wait();  // perhaps for a command behind it
            break;
        default:
            break;
    }
}

void Session::accept_hello(const HelloRequest& hello, std::string& answer) {
    if (hello.logs_in) {
        log_in(hello.username, hello.password, false);
    }
    state_.protocol = hello.protocol;
    state_.name = hello.name.value_or(state_.name);
    write_hello(answer);
}

/// AUTH, and the AUTH behind a HELLO: the login is what Redis says it is. `replacement` is what the client gets
/// instead.
void Session::note_login(std::string_view command, const Row& row, std::string_view bytes, std::string& replacement) {
    if (row.handling == Handling::exec && resp::RequestView(command).arg(0) == "DISCARD") {
        const bool none = bytes.starts_with("-ERR DISCARD without MULTI");
        resp::write_error(replacement, none ? client_errors::kExecWithoutMulti : client_errors::kExecAbort);
        return;
    }
    if (row.handling == Handling::client_getredir || row.handling == Handling::client_trackinginfo) {
        if (tracking_) {
            tracking_->translate(row, bytes, replacement);
        }
        return;
    }
    if (row.handling != Handling::auth && row.handling != Handling::hello) {
        return;
    }
    const resp::RequestView request(command);
    if (row.handling == Handling::hello && !resp::is_word(request.arg(0), "auth")) {  // on a link of its own
        if (bytes.front() == '*' || bytes.front() == '%') {
            accept_hello(read_hello(request, state_.protocol), replacement);
        }
    } else if (bytes.starts_with("+OK")) {
        const bool with_name = request.argc() > 2;
        log_in(with_name ? request.arg(1) : "default", request.arg(with_name ? 2 : 1), !pinned_);
        if (row.handling == Handling::hello) {
            state_.protocol = wanted_protocol_;
            if (wanted_name_) {
                state_.name = *wanted_name_;
            }
            write_hello(replacement);
        }
    }
    end_reply_wait();
}

/// What MONITOR shows, invalidations of CLIENT TRACKING, and messages for what a transaction subscribed to.
bool Session::take_push(const resp::ReplyHead& reply, const upstream::PendingRequest* front) {
    const std::string_view frame = reply.bytes();
    if (!exec_reply_.empty() && frame.front() == '>') {
        exec_reply_ += frame;  // in the middle of EXEC's answer
        return true;
    }
    const bool in_resp2 = state_.listens_on_link && state_.protocol == resp::Protocol::resp2;
    if ((frame.front() == '>' || (frame.front() == '*' && in_resp2)) && take_message_on_link(frame)) {
        return true;
    }
    if (front != nullptr && front->sequence == kNoSlot &&
        command::is_subscription(command::row_at(front->tag).handling)) {
        return upstream::read_pubsub_frame(frame).type != upstream::PubSubFrame::Type::unsubscribed;
    }
    if (reply.is_push() && state_.protocol == resp::Protocol::resp2) {
        return true;  // this client knows none
    }
    const bool shown =
        state_.monitoring && frame.size() > 1 && frame.front() == '+' && frame[1] >= '0' && frame[1] <= '9';
    if (!shown && frame.front() != '>') {
        return false;
    }
    send_push(translated_push(frame));
    return true;
}

/// A message for what a transaction subscribed to. False: it is something else.
bool Session::take_message_on_link(std::string_view frame) {
    const upstream::PubSubFrame head = upstream::read_pubsub_frame(frame);
    if (head.type != upstream::PubSubFrame::Type::message) {
        return false;
    }
    if (subscriptions_ && subscriptions_->listens_on_link(head)) {  // else it comes by a feed too
        send_push(frame);
    }
    return true;
}

/// `command` is a SELECT that the node has accepted.
void Session::note_selected(std::string_view command) {
    const std::string_view index = resp::RequestView(command).arg(1);
    std::from_chars(index.data(), index.data() + index.size(), state_.database);
    selector_ = nullptr;
}

/// A reply to a request of the session's own. True when it was the last of its request.
bool Session::take_own(upstream::PendingRequest& request, std::string_view bytes, std::string_view command) {
    if (request.silent && bytes.front() == '-' && command::row_at(request.tag).handling == Handling::multi) {
        order_.note_back(request.size);
        cut_off(observe::Closed::in_doubt);  // what was queued behind it may be run one by one by now
        return true;
    }
    if (request.silent) {
        note_queued(command::row_at(request.tag), bytes, command);
    } else if (command::is_client_command(command::row_at(request.tag).handling) && executed_) {
        finish_part(bytes);
    } else if (command::is_client_command(command::row_at(request.tag).handling)) {
        use_commands().note_verdict(bytes);
        wait_ = Wait::drained;
    } else if (command::row_at(request.tag).handling == Handling::client_tracking) {
        use_tracking().note_switched_on(bytes);
    }
    if (--request.replies_left > 0) {
        return false;
    }
    order_.note_back(request.size);
    const Handling handling = command::row_at(request.tag).handling;
    if (!request.silent && (handling == Handling::discard || handling == Handling::unwatch) && pinned_ &&
        (pinned_->carries().in_transaction() || pinned_->carries().watching())) {
        pinned_->end("the node did not end what is over for the client");
    }
    context_.turn.mark(*this);
    return true;
}

/// Sends early what has become long. False when the client reads too slowly and was closed for it.
bool Session::keep_output_bounded() {
    if (output_.size() < kSendAt) {
        return true;
    }
    send_output();
    return !closed_;
}

}  // namespace portal::session
