// Session: what becomes of a client when its link or the leader is lost. Requests never sent, and reads, wait and go to
// the next leader; writes that may have been executed are answered INDOUBT; transactions end as aborted.
#include "session/client_errors.hpp"
#include "session/session.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include <fmt/format.h>

namespace portal::session {

using command::Handling;
using command::Transaction;
using observe::Closed;

namespace {

/// Requests that change nothing in the data, or whose doing again is what the client wants (a blocked pop is armed
/// again).
bool may_repeat(const upstream::PendingRequest& request, const command::CommandRow& row) {
    switch (row.handling) {
        case Handling::auth:
        case Handling::hello:
        case Handling::select:
        case Handling::blocking:
        case Handling::watch:
        case Handling::unwatch:
            return true;
        default:
            return request.repeatable;
    }
}

}  // namespace

void Session::on_lost(upstream::PendingRequest& request, std::string_view command, bool sent) {
    if (closed_) {
        return;
    }
    --in_flight_;
    in_flight_bytes_ -= request.size;
    if (request.sequence == kNoSlot) {
        if (command::is_client_command(command::row_at(request.tag).handling) && executed_) {
            finish_part(resp::integer(0));  // the blocked connection is gone
        } else if (command::is_client_command(command::row_at(request.tag).handling) && wait_ == Wait::reply) {
            wait_ = Wait::drained;  // the question is asked anew
            context_.turn.mark(*this);
        }
        return;
    }
    if (request.streamed && large_ == Large::broken) {
        replies_.finish(request.sequence, {}, output_);  // the client is told what was wrong with it instead
        return;
    }
    if (request.begun) {
        close(Closed::backend);  // half a reply is with the client; there is no honest way to finish it
        return;
    }
    keep({std::move(request), std::string(command), sent, {}, {}});
    settle_ = true;
    context_.turn.mark(*this);
}

void Session::keep(Lost lost) {
    const auto at = std::ranges::upper_bound(lost_, lost.request.sequence, {},
                                             [](const Lost& each) { return each.request.sequence; });
    lost_.insert(at, std::move(lost));
}

void Session::on_refused(upstream::PendingRequest& request, std::string_view /*command*/, std::string_view refusal) {
    if (closed_) {
        return;
    }
    --in_flight_;
    in_flight_bytes_ -= request.size;
    if (request.silent) {
        return;
    }
    if (request.sequence == kNoSlot) {
        close(Closed::backend);
        return;
    }
    if (request.streamed && large_ == Large::forwarded) {
        large_ = Large::swallowed;
    }
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

void Session::on_pinned_lost() {
    if (closed_) {
        return;
    }
    pinned_.reset();
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
    if (pinned_lost && (state_.monitoring || state_.on_link.count() > 0)) {
        close(Closed::backend);
        return;
    }
    if (pinned_lost) {
        flush_tracked();
    }
    std::deque<Lost> came_back = std::exchange(lost_, {});
    bool in_transaction =
        pinned_lost && state_.in_transaction() && std::ranges::none_of(came_back, [](const Lost& each) {
            return command::row_at(each.request.tag).handling == Handling::multi;
        });
    for (auto each = came_back.begin(); each != came_back.end() && !closed_; ++each) {
        const Row& row = command::row_at(each->request.tag);
        if (each->request.unit) {
            const auto last = std::find_if(each, came_back.end(), [](const Lost& one) {
                const Handling handling = command::row_at(one.request.tag).handling;
                return handling == Handling::exec || handling == Handling::discard;
            });
            settle_unit(each, last);
            each = last == came_back.end() ? std::prev(last) : last;
            continue;
        }
        if (!each->refusal.empty()) {
            lost_.push_back(std::move(*each));
        } else if (pinned_lost && (in_transaction || row.handling == Handling::multi)) {
            in_transaction = settle_pinned(*each, row);
        } else if (row.handling == Handling::wait || row.handling == Handling::client_unblock) {
            // The leader that had the writes, or the blocked connection, is gone: nobody confirms, nobody is unblocked.
            replies_.finish(each->request.sequence, each->request.muted ? std::string() : resp::integer(0), output_);
        } else if (each->request.streamed) {
            settle_streamed(*each, row);
        } else if (row.handling == Handling::client_tracking && redirect_) {
            answer_in_doubt(*each);  // it names a connection of the lost node
            redirect_.reset();
        } else if (!each->sent || may_repeat(each->request, row)) {
            lost_.push_back(std::move(*each));
        } else {
            answer_in_doubt(*each);
        }
    }
    if (closed_) {
        return;
    }
    if (pinned_lost) {
        state_.watch_broken = state_.watch_broken || state_.watch_accepted;
        state_.watching = state_.watch_accepted = false;
        if (!executed_) {
            queued_.clear();
        }
        exec_reply_.clear();
        exec_end_.clear();
        if (state_.transaction == Transaction::open) {
            state_.transaction = Transaction::broken;
        } else if (state_.transaction == Transaction::exec_sent) {
            state_.transaction = Transaction::none;
        }
    }
    if (!lost_.empty() || must_track_again()) {
        hold();
        awaits_proof_ = false;
        retry();
    } else if (wait_ == Wait::reply) {
        wait_ = Wait::drained;
    }
}

/// A transaction that travelled in one piece, [first, last]: all of it again, or the outcome of its EXEC is in doubt.
void Session::settle_unit(std::deque<Lost>::iterator first, std::deque<Lost>::iterator last) {
    const bool whole = command::row_at(first->request.tag).handling == Handling::multi;
    const bool executed = last->sent && command::row_at(last->request.tag).handling == Handling::exec;
    if (whole && !executed) {
        std::move(first, std::next(last), std::back_inserter(lost_));
        return;
    }
    for (auto each = first; each != last && !closed_; ++each) {
        if (each->request.silent) {
            continue;
        }
        const bool multi = command::row_at(each->request.tag).handling == Handling::multi;
        replies_.finish(each->request.sequence, each->request.muted ? "" : resp::simple(multi ? "OK" : "QUEUED"),
                        output_);
    }
    if (executed) {
        answer_in_doubt(*last);
    } else {
        replies_.finish(last->request.sequence, resp::error(client_errors::kExecAbort), output_);
    }
}

/// A request inside a transaction on a pinned link. True while the transaction goes on behind it.
bool Session::settle_pinned(Lost& lost, const Row& row) {
    const auto answer = [&](std::string bytes) {
        replies_.finish(lost.request.sequence, lost.request.muted ? std::string() : std::move(bytes), output_);
    };
    switch (row.handling) {
        case Handling::multi:
            answer(resp::simple("OK"));
            return true;
        case Handling::discard:
            answer(resp::simple("OK"));
            state_.transaction = Transaction::none;
            state_.watching = state_.watch_accepted = false;
            return false;
        case Handling::exec:
            if (lost.sent) {
                answer_in_doubt(lost);
            } else if (state_.watching) {
                std::string nil;
                resp::write_null_array(nil, state_.protocol);
                answer(std::move(nil));
            } else {
                answer(resp::error(client_errors::kExecAbort));
            }
            state_.transaction = Transaction::none;
            state_.watching = state_.watch_accepted = false;
            return false;
        default:
            answer(resp::simple("QUEUED"));
            return true;
    }
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

/// Waits for a leader. What is read of this client, and what came back, counts against hold.bytes.
void Session::hold() {
    if (wait_ == Wait::leader) {
        account_held();
        return;
    }
    wait_ = Wait::leader;
    if (!hold_began_ || context_.turn.now() - left_hold_at_ > kSameHold) {
        hold_began_ = context_.turn.now();
    }
    if (!RegistryHook<HeldTag>::is_linked()) {
        context_.registry.held.push_back(*this);
        context_.counters.sessions_held.add();
    }
    context_.counters.commands_held.add(std::max<std::size_t>(1, lost_.size()));
    if (!stream_.blocked()) {
        context_.hold_deadlines.arm(*this, *hold_began_);
    }
    context_.turn.mark(*this);
    account_held();
}

/// What this client keeps waiting, counted anew; too much in all, and it is told so in this turn.
void Session::account_held() {
    std::size_t size = input_.size();
    for (const Lost& each : lost_) {
        size += each.command.size();
    }
    context_.held_bytes += size - std::exchange(held_size_, size);
    context_.counters.held_bytes.set(context_.held_bytes);
    if (context_.held_bytes > context_.hold_bytes) {
        hold_full_ = true;  // not here: the input may be in the middle of being taken
        context_.turn.mark(*this);
    }
}

void Session::leave_hold() {
    if (!RegistryHook<HeldTag>::is_linked()) {
        return;
    }
    RegistryHook<HeldTag>::unlink();
    awaits_proof_ = false;
    context_.counters.sessions_held.subtract();
    context_.held_bytes -= std::exchange(held_size_, 0);
    context_.counters.held_bytes.set(context_.held_bytes);
    if (!closed_ && !stream_.blocked()) {
        disarm();
        context_.idle_deadlines.arm(*this, context_.turn.now());
    }
}

void Session::retry() {
    if (closed_ || wait_ != Wait::leader || !context_.forwarding()) {
        return;
    }
    if (!lost_.empty() && in_flight_ > 0) {
        return;  // answers to what was sent behind them are still to come
    }
    if (context_.proof != nullptr && must_stay_held()) {
        return;
    }
    if (hold_began_ && context_.turn.now() - *hold_began_ > context_.config->hold.time) {
        refuse_held(client_errors::kNoLeader);  // a node that leads by all accounts refuses again and again
        return;
    }
    if (must_track_again() && !track_again()) {
        return;
    }
    leave_hold();
    left_hold_at_ = context_.turn.now();
    wait_ = Wait::drained;
    resend();
    context_.turn.mark(*this);
}

/// Sends what came back once more, each on the link that its kind wants, in its old slot. What wants another link than
/// those before it waits until they are answered.
void Session::resend() {
    std::deque<Lost> again = std::exchange(lost_, {});
    for (; !again.empty(); again.pop_front()) {
        Lost& each = again.front();
        const Row& row = command::row_at(each.request.tag);
        if (still_refused(each)) {
            continue;
        }
        const resp::RequestView request(each.command);
        upstream::Link* link = nullptr;
        if (row.handling == Handling::auth || row.handling == Handling::hello) {
            link = &context_.links.auth_link();
        } else if (row.handling == Handling::select) {
            upstream::LinkIdentity wanted = identity();
            const std::string_view index = request.arg(1);
            std::from_chars(index.data(), index.data() + index.size(), wanted.database);
            link = &context_.links.shared(wanted);
        } else {
            const bool pinned = !each.request.unit && route::route(row, command::may_block(row, request), state_,
                                                                   true) == route::Destination::pinned;
            link = &link_for(pinned);
        }
        if (in_flight_ > 0 && last_link_ != link) {
            break;
        }
        state_.watching = state_.watching || row.handling == Handling::watch;
        if (row.handling == Handling::auth || row.handling == Handling::hello || row.handling == Handling::select) {
            wait_ = Wait::reply;
        } else if (row.handling == Handling::blocking) {
            each.command = rearmed(row, each.command);
        }
        if (each.sent) {
            context_.counters.commands_replayed.add();
        }
        each.request.parts = false;  // others may be answered before it, from where it was sent first
        last_link_ = link;
        ++in_flight_;
        in_flight_bytes_ += each.command.size();
        link->submit(each.command, std::move(each.request));
    }
    for (Lost& each : again) {
        keep(std::move(each));
    }
}

/// The hold is over without a leader: everything that waits is answered, and the client is read again.
void Session::refuse_held(std::string_view text) {
    const std::string reason = std::string(text) + std::string(no_leader_reason());
    leave_hold();
    for (const Lost& each : std::exchange(lost_, {})) {
        if (each.request.silent) {
            continue;
        }
        context_.counters.commands_no_leader.add();
        replies_.finish(each.request.sequence, each.request.muted ? std::string() : resp::error(reason), output_);
    }
    hold_began_.reset();
    wait_ = Wait::nothing;
    refusing_ = true;
    if (!input_.empty()) {
        take_input({});
    }
    refusing_ = false;
    if (must_track_again() && !closed_) {
        hold();  // so that it happens as soon as there is a leader
    }
    if (wait_ == Wait::nothing) {
        wait_readable();
    }
    context_.turn.mark(*this);
}

}  // namespace portal::session
