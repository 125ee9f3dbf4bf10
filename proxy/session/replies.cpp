#include "session/replies.hpp"

#include "conversation/client_errors.hpp"
#include "conversation/leading_replies.hpp"
#include "resp/words.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"

#include <string>
#include <utility>
#include <vector>

namespace portal::session {
namespace {

/// What MONITOR shows of a command begins with the time.
bool is_shown_command(std::string_view frame) noexcept {
    return frame.size() > 1 && frame.front() == '+' && frame[1] >= '0' && frame[1] <= '9';
}

}  // namespace

using command::Handling;

void Replies::time(Slot slot, observe::CommandClass what) noexcept {
    if (!timed_) {
        timed_ = Timed{slot, what, connection().heard_at()};
    }
}

bool Replies::on_reply(upstream::PendingRequest& request, const resp::ReplyHead& reply, std::string_view command) {
    if (connection().closed()) {
        return true;
    }
    const Row& row = command::row_at(request.tag);
    if (request.unit) {
        unit().follow(request, row, !reply.is_error());
    }
    if (request.sequence == kNoSlot && !reply.complete()) {
        session_.conversation.stream_ids.note_answer(reply.bytes());
        return true;
    }
    if (request.sequence == kNoSlot || request.silent) {
        return take_own(request, reply.bytes(), command);
    }
    std::string_view bytes = reply.bytes();
    order().learn(bytes.size());
    if ((request.unit || transaction().contains(request)) && row.handling != Handling::exec) {
        note_queued(row, bytes, command);
    }
    const bool judged = (reply.is_error() || !recovery().empty()) && !exec().coming();  // EXEC itself was answered
    if (judged && losses().take_back(request, row, bytes, reply.complete(), command)) {
        return true;
    }
    if (row.scripts != command::ScriptUse::none || row.handling == Handling::exec) {
        note_scripts(request, row, reply, command);
    }
    if (row.handling == Handling::exec && !request.unit && !transaction().queued().own().empty()) {
        return exec().take(request, bytes);
    }
    if (row.users && !reply.is_error()) {
        note_users(request, command);
    }
    if (reply.is_error()) {
        at(context().counters.error_replies, observe::error_of(bytes)).add();
    }
    pass_on(request, row, reply, bytes, command);
    return true;
}

/// Which scripts the node knows by now. Inside of a transaction only EXEC runs anything.
void Replies::note_scripts(const upstream::PendingRequest& request, const Row& row, const resp::ReplyHead& reply,
                           std::string_view command) {
    if (row.handling == Handling::exec) {
        if (const std::string_view frames = transaction().copy().frames_with_scripts();
            !frames.empty() && !reply.is_error()) {
            context().scripts.note_executed(frames, state().credentials);
        }
    } else if (!request.unit && !transaction().contains(request)) {
        context().scripts.note_answer(row, command, reply, state().credentials);
    }
}

/// Users were changed. What a transaction or a large request does to them is found when nodes are compared.
void Replies::note_users(const upstream::PendingRequest& request, std::string_view command) {
    if (!context().users_changed || request.unit || request.streamed || transaction().contains(request)) {
        return;
    }
    const resp::RequestView words(command);
    std::vector<std::string> copy;
    for (std::size_t i = 0; i < words.argc(); ++i) {
        copy.emplace_back(words.arg(i));
    }
    context().users_changed(std::move(copy));
}

/// The reply is for the client: `bytes`, which may be others than `reply` has. What it changes is noted first.
void Replies::pass_on(upstream::PendingRequest& request, const Row& row, const resp::ReplyHead& reply,
                      std::string_view bytes, std::string_view command) {
    const bool queued = request.unit || transaction().active();
    const bool acknowledges = row.write && reply.complete() && proofs().acknowledges(request, row, reply, queued);
    // One of a unit says nothing of a transaction that may have been opened behind it.
    if (row.handling == Handling::cursor) {
        const std::optional<std::string> marked = marked_reply(bytes, context().cursor_mark);
        hand_over(request, reply.complete(), marked ? std::string_view(*marked) : bytes, command, false);
        return;
    }
    if (row.handling == Handling::plain || request.unit || !reply.complete()) {
        hand_over(request, reply.complete(), bytes, command, acknowledges);
        return;
    }
    if (row.handling == Handling::blocking) {
        session_.conversation.stream_ids.forget(request.sequence);
    }
    // Of what was streamed the words are not all there.
    const std::string replacement = request.streamed ? std::string() : replace(row, command, bytes);
    note_reply(row, !reply.is_error(), bytes, command);
    hand_over(request, true, replacement.empty() ? bytes : replacement, command, acknowledges && replacement.empty());
}

/// What the client gets instead of `bytes`, because the portal knows more than the node; empty: it gets those.
std::string Replies::replace(const Row& row, std::string_view command, std::string_view bytes) {
    std::string replacement;
    switch (row.handling) {
        case Handling::auth:
        case Handling::hello:
            login().note_answer(row, command, bytes, replacement);
            break;
        case Handling::exec:
            if (resp::RequestView(command).arg(0) == "DISCARD") {  // see Requests::forward_in_its_way()
                const bool none = bytes.starts_with("-ERR DISCARD without MULTI");
                resp::write_error(replacement, none ? client_errors::kExecWithoutMulti : client_errors::kExecAbort);
            }
            break;
        case Handling::publish:
        case Handling::subscribers:
            replacement = context().counts.correct(row, resp::RequestView(command), bytes);
            break;
        case Handling::client_getredir:
        case Handling::client_trackinginfo:
            if (features().tracking()) {
                features().tracking()->translate(row, bytes, replacement);
            }
            break;
        default:
            break;
    }
    return replacement;
}

/// `bytes`, a reply or the beginning of a large one, is for the client. `acknowledges`: a write.
void Replies::hand_over(upstream::PendingRequest& request, bool complete, std::string_view bytes,
                        std::string_view command, bool acknowledges) {
    const std::string_view heard = request.muted ? std::string_view() : bytes;
    if (complete) {
        finish_reply(request, heard, acknowledges);
    } else {
        pass_head(request, command::row_at(request.tag), heard, command);
    }
    sender().send_what_came();
}

/// The beginning of a large reply.
void Replies::pass_head(upstream::PendingRequest& request, const Row& row, std::string_view bytes,
                        std::string_view command) {
    if (!request.streamed) {
        large().note_large_key(row, resp::RequestView(command));
    }
    if (order().is_front(request.sequence) && !order().has_part()) {
        output().begin_reply(bytes);
    } else {
        keep_part(request.sequence, bytes);
    }
}

void Replies::on_rest(upstream::PendingRequest& request, const resp::ReplyRest& rest, std::string_view command) {
    if (connection().closed()) {
        return;
    }
    if (request.sequence == kNoSlot) {  // nobody wants it
        if (rest.last()) {
            order().note_back(request.size);
            mark();
        }
        return;
    }
    const std::string_view bytes = request.muted ? std::string_view() : rest.bytes();
    const bool waits = order().has_part(request.sequence);
    if (!rest.last() && waits) {
        keep_part(request.sequence, bytes);
    } else if (!rest.last()) {
        output().append(bytes);
    } else {
        const Row& row = command::row_at(request.tag);
        if (row.handling != Handling::plain && !request.unit) {
            note_reply(row, true, {}, command);
        }
        // With writes.proven no reply to a write comes in parts.
        finish_reply(request, bytes, false);
        output().end_reply();
    }
    sender().send_what_came();
}

/// `unproven`: it acknowledges a write.
void Replies::finish_reply(const upstream::PendingRequest& request, std::string_view bytes, bool unproven) {
    order().note_back(request.size);
    if (context().first_write.due && unproven) {
        context().first_write.note(context().turn.now());
    }
    if (order().has_part(request.sequence)) {
        order().finish(request.sequence, order().take_part().append(bytes), output());
    } else if (context().proof == nullptr || !unproven || !proofs().park(request, bytes)) {
        deliver(request.sequence, bytes);
    }
}

void Replies::note_duration() {
    if (!timed_ || !order().is_done(timed_->slot)) {
        return;
    }
    at(context().counters.command_times, timed_->what).note(context().turn.now() - timed_->since);
    timed_.reset();
}

/// Of a command that begins, ends or guards a transaction.
void Replies::note_transaction(const Row& row, bool failed, std::string_view bytes) {
    const Transaction::Link link = links().own_state();
    switch (row.handling) {
        case Handling::watch:
            transaction().note_watch(link, false);
            break;
        case Handling::exec:
            transaction().note_exec_answer(link, !failed || bytes.starts_with("-EXECABORT"));
            break;
        case Handling::discard:
            transaction().note_answer(link);
            transaction().note_watch(link, !failed);
            break;
        case Handling::unwatch:
            transaction().note_watch(link, !failed && !transaction().active());
            break;
        default:
            transaction().note_answer(link);
            break;
    }
}

void Replies::note_reply(const Row& row, bool accepted, std::string_view bytes, std::string_view command) {
    const bool failed = !accepted;
    switch (row.handling) {
        case Handling::multi:
        case Handling::watch:
        case Handling::exec:
        case Handling::discard:
        case Handling::unwatch:
            note_transaction(row, failed, bytes);
            break;
        case Handling::script_debug:
            if (!transaction().active() && !failed) {
                state().debugging = !resp::is_word(resp::RequestView(command).arg(2), "no");
            }
            break;
        case Handling::fieldset:
            if (!failed) {
                state().note_fieldset(row.subcommand, transaction().active(), bytes);
            }
            break;
        case Handling::replconf:
            state().replicates = state().replicates || !failed;
            break;
        case Handling::monitor:
            state().monitoring = state().monitoring || !failed;
            break;
        case Handling::client_tracking:
            if (!transaction().open()) {  // else it is only queued
                features().use_tracking().note_answer(resp::RequestView(command), bytes);
            }
            break;
        case Handling::blocking:
            static_cast<void>(order().take_blocked_time(context().turn.now()));  // the next one begins to wait
            break;
        case Handling::select:
            if (bytes.starts_with("+OK")) {
                login().note_selected(command);
            }
            intake().end_reply_wait();  // perhaps for a command behind it
            break;
        default:
            break;
    }
}

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

/// A reply to a request of the session's own. True when it was the last of its request.
bool Replies::take_own(upstream::PendingRequest& request, std::string_view bytes, std::string_view command) {
    if (request.silent && bytes.front() == '-' && command::row_at(request.tag).handling == Handling::multi) {
        order().note_back(request.size);
        connection().cut_off(observe::Closed::in_doubt);  // what was queued behind it may be run one by one by now
        return true;
    }
    if (request.silent) {
        note_queued(command::row_at(request.tag), bytes, command);
    } else if (command::is_client_command(command::row_at(request.tag).handling)) {
        features().use_commands().note_verdict(bytes);
        intake().end_reply_wait();
    } else if (command::row_at(request.tag).handling == Handling::client_tracking) {
        features().use_tracking().note_switched_on(bytes);
    } else if (command::row_at(request.tag).name == StreamIds::kQuestion) {
        session_.conversation.stream_ids.note_answer(bytes);
    }
    const Handling handling = command::row_at(request.tag).handling;
    const bool listens_on = !request.silent && command::is_subscription(handling) && bytes.front() == '-';
    if (--request.replies_left > 0 && !listens_on) {
        return false;
    }
    order().note_back(request.size);
    const bool ends = !request.silent && (handling == Handling::discard || handling == Handling::unwatch);
    const auto goes_on = [](const upstream::LinkState& link) { return link.in_transaction() || link.watching(); };
    if (links().own() && (listens_on || (ends && goes_on(links().own()->carries())))) {
        links().own()->end("the node did not end what is over for the client");
    }
    mark();
    return true;
}

void Replies::reply(std::string bytes) {
    context().counters.commands_local.add();
    if (exec().busy()) {
        exec().give_result(bytes);
        return;
    }
    order().finish(order().open(), requests().muted() ? std::string() : std::move(bytes), output());
    mark();
}

void Replies::confirm(std::string bytes) {
    context().counters.commands_local.add();
    order().finish(order().open(), std::move(bytes), output());
    mark();
}

void Replies::deny(std::string error) {
    transaction().deny();
    reply(std::move(error));
}

void Replies::note_queued(const Row& row, std::string_view bytes, std::string_view command) {
    if (transaction().note_queued(row, bytes, command)) {
        links().doubt_leader(bytes);
    }
}

void Replies::deliver(Slot slot, std::string_view bytes) {
    if (order().is_front(slot)) {
        if (output().empty() && (!order().idle() || bytes.size() > SpareBuffers::kSmall)) {
            context().room.spare.lend(output());
        }
        output().append(bytes);
        order().finish_front(output());
    } else {
        order().finish(slot, std::string(bytes), output());
    }
}

/// A part of a large reply whose turn has not come: it is kept, and no more of it is read than can be.
void Replies::keep_part(Slot slot, std::string_view bytes) {
    order().keep_part(slot, bytes);
    if (links().own() && order().part_size() >= kSendAt) {
        links().own()->pause_reading();
    }
}

void Replies::deliver_part() {
    if (order().part_is_due()) {
        output().begin_reply(order().take_part());
        mark();
    }
}

void Replies::reply_error(std::string_view text) {
    reply(resp::error(text));
}

std::string Replies::translated(std::string_view frame) const {
    const ClientTracking* const tracking = features().tracking();
    return tracking != nullptr ? tracking->translated(frame) : std::string(frame);
}

}  // namespace portal::session
