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
    if (request.sequence == kNoSlot || request.silent) {
        return take_own(request, reply, command);
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
    if (reply.is_error()) {
        at(context().counters.error_replies, observe::error_of(bytes)).add();
    } else if (row.users) {
        note_users(request, command);
    }
    pass_on(request, row, reply, bytes, command);
    return true;
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
    if (context().writes.first.due && unproven) {
        context().writes.first.note(context().turn.now());
    }
    if (order().has_part(request.sequence)) {
        order().finish(request.sequence, order().take_part().append(bytes), output());
    } else if (context().writes.proof == nullptr || !unproven || !proofs().park(request, bytes)) {
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

}  // namespace portal::session
