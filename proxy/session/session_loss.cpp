// Session: carries out what becomes of a client when its link or the leader is lost. What that is, Recovery and
// Transaction decide.
#include "conversation/client_errors.hpp"
#include "conversation/hello_request.hpp"
#include "conversation/leading_replies.hpp"
#include "session/session.hpp"

#include <utility>

namespace portal::session {

using command::Handling;
using observe::Closed;

void Session::on_lost(upstream::PendingRequest& request, std::string_view command, const upstream::Loss& loss) {
    if (closed_) {
        return;
    }
    order_.note_back(request.size);
    if (relaying_) {
        end_relay(request);
        return;
    }
    if (request.sequence == kNoSlot) {
        if (command::is_client_command(command::row_at(request.tag).handling) && executed_) {
            finish_part(resp::integer(0));  // the blocked connection is gone
        } else if (command::is_client_command(command::row_at(request.tag).handling) && wait_ == Wait::reply) {
            wait_ = Wait::drained;  // the question is asked anew
            context_.turn.mark(*this);
            if (!use_commands().note_lost_question()) {
                cut_off(Closed::backend);
            }
        }
        return;
    }
    if (request.streamed && large_ == Large::broken) {
        order_.finish(request.sequence, {}, output_);  // the client is told what was wrong with it instead
        return;
    }
    if (pinned_ && pinned_->finishes() && loss.sent && (request.blocks || ended_)) {
        // It was blocked there, and the node has let it go.
        order_.finish(request.sequence, {}, output_);
        ended_ = true;
        ending_ = Closed::client;
        context_.turn.mark(*this);
        return;
    }
    if (request.begun) {
        close(Closed::backend);  // half a reply is with the client; there is no honest way to finish it
        return;
    }
    if (request.unit) {
        unit_.follow(request, command::row_at(request.tag), true);
    }
    recovery_.keep(
        {std::move(request), std::string(command), loss.sent, {}, {}, context_.topology->epoch, loss.worked_on});
    recovery_.note_due();
    context_.turn.mark(*this);
}

void Session::on_refused(upstream::PendingRequest& request, std::string_view command, std::string_view refusal) {
    if (closed_) {
        return;
    }
    order_.note_back(request.size);
    if (request.silent) {
        return;
    }
    if (request.sequence == kNoSlot && command::is_client_command(command::row_at(request.tag).handling) &&
        wait_ == Wait::reply && !executed_) {
        use_commands().note_verdict(refusal);
        wait_ = Wait::drained;
        context_.turn.mark(*this);
        return;
    }
    if (request.sequence == kNoSlot) {
        close(Closed::backend);
        return;
    }
    if (request.streamed && large_ == Large::forwarded) {
        large_ = Large::swallowed;
    }
    note_reply(command::row_at(request.tag), false, refusal, command);
    order_.finish(request.sequence, request.muted ? std::string() : std::string(refusal), output_);
    end_reply_wait();
    context_.turn.mark(*this);
}

void Session::on_login_refused() {
    if (!closed_) {
        cut_off(Closed::login);
    }
}

void Session::on_login_required() {
    if (state_.credentials->username.empty() && (needs_pinned() || pinned_ || state_.listens)) {
        on_login_refused();
    }
}

void Session::on_pinned_lost() {
    if (closed_) {
        return;
    }
    transaction_.note_link_lost(own_state());
    const bool to_end = pinned_ && pinned_->finishes() && !transaction_.active();
    pinned_.reset();
    if (to_end) {
        if (needs_pinned()) {
            ended_ = true;
            ending_ = Closed::client;
        }
        context_.turn.mark(*this);
        return;
    }
    if (large_ == Large::forwarded) {
        large_ = Large::swallowed;
    }
    recovery_.note_link_lost();
    context_.turn.mark(*this);
}

/// Sorts out, in order, what came back from a lost link.
void Session::settle_losses() {
    const bool link_lost = recovery_.begin_settling();
    if (link_lost && (state_.monitoring || state_.fieldsets > 0 || (state_.debugging && !relaying_))) {
        close(Closed::backend);
        return;
    }
    if (link_lost) {
        if (subscriptions_) {
            subscriptions_->move_to_feed();
        }
        if (tracking_) {
            tracking_->invalidate_all();
        }
    }
    Recovery::Outcome outcome = recovery_.settle(transaction_, link_lost,
                                                 {.protocol = state_.protocol,
                                                  .proven = context_.config->writes.proven,
                                                  .down_after = context_.config->monitor.down_after,
                                                  .names_connection = tracking_ && tracking_->redirects()});
    carry_out(std::move(outcome.settled));
    if (closed_ || cut_off_) {
        return;
    }
    if (link_lost) {
        exec_reply_.clear();
        exec_end_.clear();
    }
    if (outcome.survives) {
        keep_copy(transaction_.slot(), {}, false);
    } else if (link_lost) {
        transaction_.break_off(executed_ != nullptr);
    }
    if (!recovery_.empty() || must_track_again()) {
        hold();
        awaits_proof_ = false;
        retry();
    } else if (wait_ == Wait::leader) {
        retry();
    } else if (wait_ == Wait::reply && order_.idle()) {
        wait_ = Wait::drained;  // what it waited for is answered
    }
}

void Session::carry_out(std::vector<Recovery::Settled> settled) {
    for (Recovery::Settled& each : settled) {
        if (closed_ || cut_off_) {
            return;
        }
        carry_out(each.lost, std::move(each.fate));
    }
}

void Session::carry_out(const Lost& lost, Fate fate) {
    const Row& row = command::row_at(lost.request.tag);
    if (row.handling == Handling::client_tracking && tracking_ && lost.refusal.empty()) {
        tracking_->drop_redirect();  // it names a connection of the lost node
    }
    switch (fate.kind) {
        case Fate::Kind::again:
            return;
        case Fate::Kind::accept_hello:
            accept_hello(read_hello(resp::RequestView(lost.command), state_.protocol), fate.bytes);
            break;
        case Fate::Kind::answer:
            if (!lost.refusal.empty() && fate.bytes == lost.refusal) {
                note_reply(row, false, fate.bytes, lost.command);
            }
            break;
        case Fate::Kind::in_doubt:
            tell_in_doubt(lost.request.sequence, client_errors::kInDoubt, lost.request.muted);
            return;
        case Fate::Kind::not_repeated:
            refuse_to_repeat(lost);
            return;
        case Fate::Kind::close:
            close(Closed::backend);
            return;
    }
    if (!lost.request.silent) {
        order_.finish(lost.request.sequence, lost.request.muted ? std::string() : std::move(fate.bytes), output_);
    }
}

/// As with Redis, which closes a connection whose reply is too large for it: nobody but who asked is concerned.
void Session::refuse_to_repeat(const Lost& lost) {
    // Asked for again, it has a link of its own from the start.
    note_large_key(command::row_at(lost.request.tag), resp::RequestView(lost.command));
    if (lost.request.alone || context_.config->writes.in_doubt == config::InDoubt::close) {
        close(Closed::backend);
        return;
    }
    order_.finish(lost.request.sequence, lost.request.muted ? std::string() : resp::error(client_errors::kNotRepeated),
                  output_);
}

/// A write may have been executed, or may be lost: the client is told so with `text`, or closed.
void Session::tell_in_doubt(Slot slot, std::string_view text, bool muted) {
    context_.counters.commands_in_doubt.add();
    context_.turn.mark(*this);
    if (context_.config->writes.in_doubt == config::InDoubt::close) {
        cut_off(Closed::in_doubt);  // not here: a reply may be in the middle of being handed over
        return;
    }
    deliver(slot, muted ? std::string() : resp::error(text));
}

/// What was answered of a transaction is sent again, before its requests with `slot` and later ones; the client hears
/// nothing of it.
void Session::keep_copy(Slot slot, std::string_view refusal, bool unit) {
    Lost sample;
    sample.request.sink = upstream::ReplySinkPtr(this);
    sample.request.sequence = slot;
    sample.request.unit = unit;
    sample.refusal = refusal;
    sample.epoch = context_.topology->epoch;
    recovery_.keep_copy(transaction_.take_copy(), sample, context_.limits);
}

/// It ends here without the node's consent, which forgets it, too.
void Session::end_transaction() {
    transaction_.forget();
    if (pinned_) {
        submit_end("DISCARD");
    }
}

/// `command` of a transaction was answered, EXEC not yet.
void Session::note_queued(const Row& row, std::string_view bytes, std::string_view command) {
    if (transaction_.note_queued(row, bytes, command)) {
        context_.links.doubt_leader(error_words(bytes));
    }
}

}  // namespace portal::session
