// Session: what becomes of a client when its link or the leader is lost. Requests never sent, and reads, are kept for
// the next leader; writes that may have been executed are answered INDOUBT; for transactions see
// unfinished_transactions.cpp.
#include "resp/words.hpp"
#include "session/client_errors.hpp"
#include "session/hello_request.hpp"
#include "session/lost_unit.hpp"
#include "session/session.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace portal::session {

using command::Handling;
using command::Transaction;
using observe::Closed;

namespace {

/// Reads that cost a node next to nothing may be lost with it so many times.
constexpr std::uint8_t kQuickRepeats = 8;

/// HELLO without AUTH.
bool is_plain_hello(const Lost& lost) {
    const resp::RequestView request(lost.command);
    return !resp::is_word(request.arg(0), "auth") && !read_hello(request, resp::Protocol::resp2).logs_in;
}

/// Requests that change nothing in the data, or whose doing again is what the client wants: a blocked pop is armed
/// again. But it may have taken an element whose answer was lost on the way, and then another one would seem to be the
/// first: with `strict` the client is told so.
bool may_repeat(const upstream::PendingRequest& request, const command::CommandRow& row, config::Proven proven) {
    switch (row.handling) {
        case Handling::auth:
        case Handling::hello:
        case Handling::select:
        case Handling::watch:
        case Handling::unwatch:
            return true;
        case Handling::blocking:
            return !row.write || proven != config::Proven::strict;
        default:
            return request.repeatable;
    }
}

}  // namespace

void Session::on_lost(upstream::PendingRequest& request, std::string_view command, const upstream::Loss& loss) {
    if (closed_) {
        return;
    }
    --in_flight_;
    in_flight_bytes_ -= request.size;
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
        replies_.finish(request.sequence, {}, output_);  // the client is told what was wrong with it instead
        return;
    }
    if (pinned_ && pinned_->finishes() && loss.sent && (request.blocks || ended_)) {
        // It was blocked there, and the node has let it go.
        replies_.finish(request.sequence, {}, output_);
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
        follow_unit(request, command::row_at(request.tag), true);
    }
    keep({std::move(request), std::string(command), loss.sent, {}, {}, context_.topology->epoch, loss.worked_on});
    settle_ = true;
    context_.turn.mark(*this);
}

void Session::keep(Lost lost) {
    const auto at = std::ranges::upper_bound(lost_, lost.request.sequence, {},
                                             [](const Lost& each) { return each.request.sequence; });
    lost_.insert(at, std::move(lost));
}

void Session::on_refused(upstream::PendingRequest& request, std::string_view command, std::string_view refusal) {
    if (closed_) {
        return;
    }
    --in_flight_;
    in_flight_bytes_ -= request.size;
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
    replies_.finish(request.sequence, request.muted ? std::string() : std::string(refusal), output_);
    if (wait_ == Wait::reply) {
        wait_ = Wait::drained;
    }
    context_.turn.mark(*this);
}

void Session::on_login_refused() {
    if (!closed_) {
        ending_ = Closed::login;
        cut_off_ = true;
        context_.turn.mark(*this);
    }
}

void Session::on_login_required() {
    if (state_.credentials->username.empty() && (state_.needs_pinned() || pinned_ || state_.listens)) {
        on_login_refused();
    }
}

void Session::on_pinned_lost() {
    if (closed_) {
        return;
    }
    state_.watch_broken = state_.watch_broken || (state_.watching && node_watches());
    const bool to_end = pinned_ && pinned_->finishes() && !state_.in_transaction();
    pinned_.reset();
    if (to_end) {
        if (state_.needs_pinned()) {
            ended_ = true;
            ending_ = Closed::client;
        }
        context_.turn.mark(*this);
        return;
    }
    if (large_ == Large::forwarded) {
        large_ = Large::swallowed;
    }
    pinned_lost_ = true;
    settle_ = true;
    context_.turn.mark(*this);
}

/// Sorts out, in order, what came back from a lost link.
void Session::settle_losses() {
    settle_ = false;
    const bool pinned_lost = std::exchange(pinned_lost_, false);
    if (pinned_lost && (state_.monitoring || (state_.debugging && !relaying_))) {
        close(Closed::backend);
        return;
    }
    if (pinned_lost) {
        if (subscriptions_) {
            subscriptions_->move_to_feed();
        }
        if (tracking_) {
            tracking_->invalidate_all();
        }
    }
    LostRequests came_back = std::exchange(lost_, {});
    const bool reached_node = std::ranges::any_of(came_back, &Lost::sent);
    state_.doubtful = state_.doubtful || (pinned_lost && may_have_run(came_back, false));
    const bool sent_again = pinned_lost && !state_.doubtful && can_send_again(came_back);
    bool in_transaction = pinned_lost && state_.in_transaction() && std::ranges::none_of(came_back, opens_transaction);
    for (auto each = came_back.begin(); each != came_back.end() && !closed_; ++each) {
        const Row& row = command::row_at(each->request.tag);
        if (each->request.unit) {
            const std::span<Lost> unit = unit_at_front({each, came_back.end()});
            settle_unit(unit);
            each += static_cast<std::ptrdiff_t>(unit.size()) - 1;
            continue;
        }
        if (row.handling == Handling::hello && pinned_lost && is_plain_hello(*each)) {
            // Its protocol was to change on the link that is gone; there is nothing to be asked any more.
            std::string answer;
            accept_hello(read_hello(resp::RequestView(each->command), state_.protocol), answer);
            replies_.finish(each->request.sequence, each->request.muted ? std::string() : std::move(answer), output_);
        } else if (sent_again && is_inside(each->request)) {
            lost_.push_back(std::move(*each));
        } else if (pinned_lost && (in_transaction || row.handling == Handling::multi)) {
            in_transaction = settle_pinned(*each, row);  // also what was refused before: it cannot run any more
        } else if (!each->refusal.empty()) {
            lost_.push_back(std::move(*each));
        } else if (row.handling == Handling::wait || row.handling == Handling::client_unblock) {
            // The leader that had the writes, or the blocked connection, is gone: nobody confirms, nobody is unblocked.
            replies_.finish(each->request.sequence, each->request.muted ? std::string() : resp::integer(0), output_);
        } else if (each->request.streamed) {
            settle_streamed(*each, row);
        } else if (row.handling == Handling::client_tracking && tracking_ && tracking_->drop_redirect()) {
            // It names a connection of the lost node.
            if (each->sent) {
                answer_in_doubt(*each);
            } else {
                replies_.finish(each->request.sequence,
                                each->request.muted ? std::string() : resp::error(client_errors::kNeverAsked), output_);
            }
        } else if (each->sent && must_not_repeat(*each, row)) {
            refuse_to_repeat(*each, row);
        } else if (!each->sent || may_repeat(each->request, row, context_.config->writes.proven)) {
            lost_.push_back(std::move(*each));
        } else {
            answer_in_doubt(*each);
        }
    }
    if (closed_) {
        return;
    }
    if (pinned_lost) {
        state_.watching = false;
        exec_reply_.clear();
        exec_end_.clear();
        if (sent_again) {
            transaction_repeats_ = static_cast<std::uint8_t>(transaction_repeats_ + (reached_node ? 1 : 0));
            keep_copy(transaction_slot_, {}, false);
        } else {
            break_transaction();
        }
    }
    if (!lost_.empty() || must_track_again()) {
        hold();
        awaits_proof_ = false;
        retry();
    } else if (wait_ == Wait::leader) {
        retry();
    } else if (wait_ == Wait::reply && in_flight_ == 0) {
        wait_ = Wait::drained;  // what it waited for is answered
    }
}

/// A read is sent again once, and alone if its link was lost without its node. One at which the node worked for long
/// before it was lost may be what took it away, and the next node is not asked for it.
bool Session::must_not_repeat(const Lost& lost, const Row& row) const {
    if (!lost.request.repeatable || row.handling != Handling::plain || lost.request.unit) {
        return false;
    }
    if (lost.request.alone || lost.request.losses > (row.quick ? kQuickRepeats : 1)) {
        return true;
    }
    return !row.quick && lost.worked_on >= context_.config->monitor.down_after / 2;
}

/// As with Redis, which closes a connection whose reply is too large for it: nobody but who asked is concerned.
void Session::refuse_to_repeat(const Lost& lost, const Row& row) {
    note_large_key(row, resp::RequestView(lost.command));  // asked for again, it has a link of its own from the start
    if (lost.request.alone || context_.config->writes.in_doubt == config::InDoubt::close) {
        close(Closed::backend);
        return;
    }
    replies_.finish(lost.request.sequence,
                    lost.request.muted ? std::string() : resp::error(client_errors::kNotRepeated), output_);
}

void Session::answer_in_doubt(const Lost& lost) {
    context_.counters.commands_in_doubt.add();
    if (context_.config->writes.in_doubt == config::InDoubt::close) {
        close(Closed::in_doubt);
        return;
    }
    replies_.finish(lost.request.sequence, lost.request.muted ? std::string() : resp::error(client_errors::kInDoubt),
                    output_);
}

}  // namespace portal::session
