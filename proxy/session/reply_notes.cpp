// What a reply changes in what is known of its client and of the node, and the answers to requests of the session's
// own.
#include "resp/words.hpp"
#include "session/replies.hpp"
#include "session/session.hpp"

#include <string>
#include <utility>
#include <vector>

namespace portal::session {

using command::Handling;

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

void Replies::note_queued(const Row& row, std::string_view bytes, std::string_view command) {
    if (transaction().note_queued(row, bytes, command)) {
        links().doubt_leader(bytes);
    }
}

/// What the session has asked on behalf of its client.
void Replies::note_own_answer(const Row& row, std::string_view bytes) {
    if (command::is_client_command(row.handling)) {
        features().use_commands().note_verdict(bytes);
        intake().end_reply_wait();
    } else if (row.handling == Handling::client_tracking) {
        features().use_tracking().note_switched_on(bytes);
    } else if (row.name == StreamIds::kQuestion) {
        session_.conversation.stream_ids.note_answer(bytes);
    }
}

/// A reply to a request of the session's own. True when it was the last of its request.
bool Replies::take_own(upstream::PendingRequest& request, const resp::ReplyHead& reply, std::string_view command) {
    const std::string_view bytes = reply.bytes();
    if (request.sequence == kNoSlot && !reply.complete()) {  // the entry that a stream ended with, large
        session_.conversation.stream_ids.note_answer(bytes);
        return true;
    }
    if (request.silent && bytes.front() == '-' && command::row_at(request.tag).handling == Handling::multi) {
        order().note_back(request.size);
        connection().cut_off(observe::Closed::in_doubt);  // what was queued behind it may be run one by one by now
        return true;
    }
    const Row& row = command::row_at(request.tag);
    const Handling handling = row.handling;
    if (request.silent) {
        note_queued(row, bytes, command);
    } else {
        note_own_answer(row, bytes);
    }
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

}  // namespace portal::session
