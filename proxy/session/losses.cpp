#include "session/losses.hpp"

#include "conversation/client_errors.hpp"
#include "conversation/hello_request.hpp"
#include "conversation/leading_replies.hpp"
#include "session/session.hpp"

#include <utility>

namespace portal::session {

using command::Handling;
using observe::Closed;

namespace {

constexpr std::string_view kNoReplicas = ":0\r\n";

}  // namespace

bool Losses::take_back(upstream::PendingRequest& request, const Row& row, std::string_view& bytes, bool complete,
                       std::string_view command) {
    if (request.unit) {
        return apply(transaction().judge_unit(row, bytes, recovery().precedes(request.sequence)), request, bytes,
                     command);
    }
    if (transaction().concerns(request, row, bytes)) {
        return apply(transaction().judge_own(row, bytes, state().protocol), request, bytes, command);
    }
    if (row.handling == Handling::wait && bytes.starts_with("-ERR WAIT cannot be used with replica")) {
        bytes = kNoReplicas;
        return false;
    }
    const bool of_replica = row.handling == Handling::replconf || row.handling == Handling::sync;
    if (says_not_leading(bytes) && !of_replica) {
        if (!may_say_anything(row)) {
            links().doubt_leader(bytes);
        }
        if (request.streamed) {
            static const std::string lost = resp::error(client_errors::kLargeLost);
            bytes = lost;
            return false;
        }
        if (row.handling == Handling::multi && order().in_flight() > 1) {
            return false;  // what was sent behind it is judged without it by now
        }
        keep_refused(request, command, bytes, false);
        return true;
    }
    return !recovery().empty() && recovery().waiting().front().request.sequence <= request.sequence &&
           take_behind(request, row, bytes, complete, command);
}

/// The answer to what came behind something that waits for a leader. What only reads is asked again behind that; what
/// was executed stays, and then nothing from before it may be executed any more.
bool Losses::take_behind(upstream::PendingRequest& request, const Row& row, std::string_view bytes, bool complete,
                         std::string_view command) {
    if (transaction().contains(request) && row.handling != Handling::exec) {
        return false;  // it is only queued; where what waits must be executed first, the transaction is begun anew
    }
    const bool reads =
        request.repeatable && (row.handling == Handling::plain || row.handling == Handling::cursor ||
                               row.handling == Handling::subscribers || row.handling == Handling::blocking);
    if (reads && !request.streamed) {
        keep_refused(request, command, {}, true);
        if (complete) {
            recovery().keep_answer(request.sequence, bytes);
        } else {
            request.sink.reset();  // what else comes of this reply is swallowed by the link
        }
        return true;
    }
    if (row.write && bytes.front() != '-') {
        give_up_refused();
    }
    if (!complete && !order().is_front(request.sequence)) {
        connection().close(observe::Closed::backend);  // there is no room to keep a large reply until its turn comes
    }
    return connection().closed();
}

/// What a transaction makes of an answer. True: the request waits, and its reply is dropped.
bool Losses::apply(const Verdict& verdict, upstream::PendingRequest& request, std::string_view& bytes,
                   std::string_view command) {
    if (verdict.settles_earlier) {
        give_up_refused();
    }
    if (verdict.doubts_leader) {
        links().doubt_leader(bytes);
    }
    if (verdict.ends_link && links().own()) {
        links().own()->end("the node goes on queueing what the client has discarded");
    }
    if (verdict.again) {
        const std::string refusal(bytes);
        keep_copy(request.sequence, refusal, request.unit ? &request : nullptr);
        keep_refused(request, command, refusal, false);
        return true;
    }
    bytes = verdict.bytes;
    return false;
}

/// A cursor goes to another process only if that is told.
std::string Losses::as_it_came(const upstream::PendingRequest& request, std::string_view command) const {
    const bool cursor = command::row_at(request.tag).handling == Handling::cursor && !command.empty();
    return cursor ? with_mark(resp::RequestView(command), context().cursor_mark) : std::string(command);
}

/// `refusal` empty: it was answered, but is asked again behind one that was refused.
void Losses::keep_refused(upstream::PendingRequest& request, std::string_view command, std::string_view refusal,
                          bool sent) {
    order().note_back(request.size);
    request.losses = static_cast<std::uint8_t>(request.losses + (refusal.empty() ? 0 : 1));
    recovery().keep({request,
                     as_it_came(request, command),
                     sent,
                     std::string(refusal),
                     {},
                     context().topology->epoch,
                     {},
                     context().turn.now()});
    recovery().note_due();
    mark();
}

void Losses::give_up_refused() {
    carry_out(recovery().settle_refused());
}

bool Losses::still_refused(const Lost& lost) {
    if (!is_script_at_its_word(lost)) {
        return false;
    }
    order().finish(lost.request.sequence, lost.request.muted ? std::string() : lost.refusal, output());
    return true;
}

bool Losses::is_script_at_its_word(const Lost& lost) const noexcept {
    return Recovery::may_lie(lost, transaction()) && lost.epoch == context().topology->epoch;
}

void Losses::on_lost(upstream::PendingRequest& request, std::string_view command, const upstream::Loss& loss) {
    if (connection().closed()) {
        return;
    }
    order().note_back(request.size);
    if (relay().active()) {
        relay().end(request);
        return;
    }
    if (request.sequence == kNoSlot) {
        if (command::is_client_command(command::row_at(request.tag).handling)) {
            const bool again = features().use_commands().note_lost_question();
            if (intake().wait() == Wait::reply) {
                intake().set_wait(Wait::drained);  // the question is asked anew
                mark();
            }
            if (!again) {
                connection().cut_off(Closed::backend);
            }
        }
        return;
    }
    if (request.streamed && large().broken()) {
        order().finish(request.sequence, {}, output());  // the client is told what was wrong with it instead
        return;
    }
    if (links().own() && links().own()->finishes() && loss.sent && (request.blocks || connection().ended())) {
        // It was blocked there, and the node has let it go.
        order().finish(request.sequence, {}, output());
        connection().end(Closed::client);
        mark();
        return;
    }
    if (request.begun) {
        connection().close(Closed::backend);  // half a reply is with the client; there is no honest way to finish it
        return;
    }
    if (request.unit) {
        unit().follow(request, command::row_at(request.tag), true);
    }
    const replication::Epoch epoch = loss.leader_went ? replication::Epoch{0} : context().topology->epoch;
    std::string came = as_it_came(request, command);
    recovery().keep({std::move(request), std::move(came), loss.sent, {}, {}, epoch, loss.worked_on});
    recovery().note_due();
    mark();
}

void Losses::on_refused(upstream::PendingRequest& request, std::string_view command, std::string_view refusal) {
    if (connection().closed()) {
        return;
    }
    order().note_back(request.size);
    if (request.silent) {
        return;
    }
    if (request.sequence == kNoSlot && command::is_client_command(command::row_at(request.tag).handling)) {
        features().use_commands().note_verdict(refusal);
        intake().end_reply_wait();
        mark();
        return;
    }
    if (request.sequence == kNoSlot) {
        connection().close(Closed::backend);
        return;
    }
    if (request.streamed) {
        large().swallow_rest();
    }
    const Row& row = command::row_at(request.tag);
    replies().note_reply(row, false, refusal, command);
    std::string told(refusal);
    if (upstream::says_busy(refusal) && row.handling == Handling::multi && !request.unit) {
        // Redis opens a transaction also while it is busy. Refused, the client might send on what is to run inside.
        transaction().begin_broken(request.sequence);
        told = "+OK\r\n";
    }
    order().finish(request.sequence, request.muted ? std::string() : std::move(told), output());
    intake().end_reply_wait();
    mark();
}

void Losses::on_own_link_lost() {
    if (connection().closed()) {
        return;
    }
    transaction().note_link_lost(links().own_state());
    session_.conversation.stream_ids.note_lost();
    const bool to_end = links().own() && links().own()->finishes() && !transaction().active();
    links().own().reset();
    if (to_end) {
        if (links().needs_own()) {
            connection().end(Closed::client);
        }
        mark();
        return;
    }
    large().swallow_rest();
    recovery().note_link_lost();
    mark();
}

void Losses::settle() {
    const bool link_lost = recovery().begin_settling();
    const bool took_over = relay().active();  // what came last is still to go out
    if (link_lost &&
        (state().monitoring || state().fieldsets > 0 || ((state().replicates || state().debugging) && !took_over))) {
        connection().close(Closed::backend);
        return;
    }
    if (link_lost) {
        if (features().subscriptions()) {
            features().subscriptions()->move_to_feed();
        }
        if (features().tracking()) {
            features().tracking()->invalidate_all();
        }
    }
    Recovery::Outcome outcome =
        recovery().settle(transaction(), link_lost,
                          {.protocol = state().protocol,
                           .proven = context().config->writes.proven,
                           .down_after = context().config->monitor.down_after,
                           .names_connection = features().tracking() && features().tracking()->redirects()});
    carry_out(std::move(outcome.settled));
    if (connection().closed() || connection().is_cut_off()) {
        return;
    }
    if (link_lost) {
        exec().forget();
    }
    if (outcome.survives) {
        keep_copy(transaction().slot(), {}, nullptr);
    } else if (link_lost) {
        transaction().break_off(exec().busy());
    }
    go_on();
}

/// What was lost and not answered waits for a leader; what waited for an answer needs to wait no more.
void Losses::go_on() {
    if (!recovery().empty() || links().must_track_again()) {
        hold().begin();
        proofs().stop_awaiting();
        hold().retry();
    } else if (intake().wait() == Wait::leader) {
        hold().retry();
    } else if (intake().wait() == Wait::reply && order().idle()) {
        intake().set_wait(Wait::drained);  // what it waited for is answered
    }
}

void Losses::carry_out(std::vector<Recovery::Settled> settled) {
    for (Recovery::Settled& each : settled) {
        if (connection().closed() || connection().is_cut_off()) {
            return;
        }
        carry_out(each.lost, std::move(each.fate));
    }
}

void Losses::carry_out(const Lost& lost, Fate fate) {
    const Row& row = command::row_at(lost.request.tag);
    if (row.handling == Handling::client_tracking && features().tracking() && lost.refusal.empty()) {
        features().tracking()->drop_redirect();  // it names a connection of the lost node
    }
    switch (fate.kind) {
        case Fate::Kind::again:
            return;
        case Fate::Kind::accept_hello:
            login().accept_hello(read_hello(resp::RequestView(lost.command), state().protocol), fate.bytes, nullptr);
            break;
        case Fate::Kind::answer:
            if (!lost.refusal.empty() && fate.bytes == lost.refusal) {
                replies().note_reply(row, false, fate.bytes, lost.command);
            }
            break;
        case Fate::Kind::in_doubt:
            tell_in_doubt(lost.request.sequence, client_errors::kInDoubt, lost.request.muted);
            return;
        case Fate::Kind::not_repeated:
            refuse_to_repeat(lost);
            return;
        case Fate::Kind::close:
            connection().close(Closed::backend);
            return;
    }
    if (!lost.request.silent) {
        order().finish(lost.request.sequence, lost.request.muted ? std::string() : std::move(fate.bytes), output());
    }
}

/// As with Redis, which closes a connection whose reply is too large for it: nobody but who asked is concerned.
void Losses::refuse_to_repeat(const Lost& lost) {
    // Asked for again, it has a link of its own from the start.
    large().note_large_key(command::row_at(lost.request.tag), resp::RequestView(lost.command));
    if (lost.request.alone || closes_in_doubt()) {
        connection().close(Closed::backend);
        return;
    }
    order().finish(lost.request.sequence, lost.request.muted ? std::string() : resp::error(client_errors::kNotRepeated),
                   output());
}

bool Losses::closes_in_doubt() const {
    return connection().origin().in_doubt.value_or(context().config->writes.in_doubt) == config::InDoubt::close;
}

void Losses::tell_in_doubt(Slot slot, std::string_view text, bool muted) {
    context().counters.commands_in_doubt.add();
    mark();
    if (closes_in_doubt()) {
        connection().cut_off(Closed::in_doubt);  // not here: a reply may be in the middle of being handed over
        return;
    }
    replies().deliver(slot, muted ? std::string() : resp::error(text));
}

/// What was answered of a transaction is sent again, before its requests with `slot` and later ones; the client hears
/// nothing of it. `unit`: a request of it, if it travels in one piece.
void Losses::keep_copy(Slot slot, std::string_view refusal, const upstream::PendingRequest* unit) {
    Lost sample;
    sample.request.sink = upstream::ReplySinkPtr(&session_);
    sample.request.sequence = slot;
    sample.request.unit = unit != nullptr;
    sample.request.slow = unit != nullptr && unit->slow;
    sample.refusal = refusal;
    sample.epoch = context().topology->epoch;
    recovery().keep_copy(transaction().copy().take(), sample, context().limits.logged_in);
}

}  // namespace portal::session
