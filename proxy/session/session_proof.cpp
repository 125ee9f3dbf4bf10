// Session: proven writes. A reply to a write waits until the replicas that may be promoted have confirmed it; what the
// same client asked for behind it waits in its slot. While nobody confirms, new writes are not sent.
#include "conversation/client_errors.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"
#include "session/session_registry.hpp"

#include <algorithm>
#include <utility>

namespace portal::session {

using command::Handling;
using observe::Closed;

namespace {

/// Commands that change data, or cannot be told not to. Publishing, and what concerns connections, leaves none behind.
bool changes_data(const command::CommandRow& row) {
    switch (row.handling) {
        case Handling::plain:
        case Handling::unknown:
        case Handling::blocking:
        case Handling::exec:
        case Handling::script:
            return row.write;
        default:
            return false;
    }
}

bool is_nil(std::string_view reply) {
    return reply.starts_with("*-1") || reply.starts_with("$-1") || reply.starts_with("_");
}

}  // namespace

/// Errors acknowledge nothing, nor does QUEUED, an EXEC that was called off, or a blocked pop that got nothing.
bool Session::awaits_proof(const upstream::PendingRequest& request, const Row& row, const resp::ReplyHead& reply,
                           bool queued) const noexcept {
    if (!changes_data(row) || request.muted || reply.is_error() || (queued && row.handling != Handling::exec)) {
        return false;
    }
    return !((row.handling == Handling::exec || row.handling == Handling::blocking) && is_nil(reply.bytes()));
}

/// A complete reply that must not go out yet. False: it may.
bool Session::park(const upstream::PendingRequest& request, std::string_view bytes) {
    upstream::Ticket ticket{};
    switch (context_.proof->place(ticket)) {
        case upstream::WriteProof::Place::pass:
            return false;
        case upstream::WriteProof::Place::lost:
            tell_in_doubt(request.sequence, client_errors::kUnprovenInDoubt, false);
            return true;
        case upstream::WriteProof::Place::wait:
            break;
    }
    parked_.push(request.sequence, ticket, context_.turn.now(), bytes);
    context_.counters.replies_unproven.add();
    if (!RegistryHook<ParkedTag>::is_linked()) {
        context_.registry.parked.push_back(*this);
    }
    return true;
}

/// Puts a reply into its slot.
void Session::deliver(Slot slot, std::string_view bytes) {
    if (order_.is_front(slot)) {
        if (output_.empty() && (!order_.idle() || bytes.size() > SpareBuffers::kSmall)) {
            context_.spare.lend(output_);
        }
        output_.append(bytes);
        order_.finish_front(output_);
    } else {
        order_.finish(slot, std::string(bytes), output_);
    }
}

void Session::pop_parked() {
    parked_.pop();
    context_.counters.replies_unproven.subtract();
    if (parked_.empty()) {
        RegistryHook<ParkedTag>::unlink();
    }
    context_.turn.mark(*this);
}

void Session::release_proven(upstream::Ticket proven) {
    while (!parked_.empty() && parked_.front().ticket <= proven) {
        deliver(parked_.front().slot, parked_.front_reply());
        pop_parked();
    }
    if (parked_.empty()) {
        deliver_part();
    }
    keep_output_bounded();
}

/// The leader that answered is lost: nobody knows whether its successor has these writes.
void Session::lose_parked() {
    while (!parked_.empty() && !closed_) {
        const Slot slot = parked_.front().slot;
        pop_parked();
        tell_in_doubt(slot, client_errors::kUnprovenInDoubt, false);
    }
    deliver_part();
}

void Session::expire_parked(net::Turn::Clock::time_point since) {
    while (!parked_.empty() && parked_.front().since <= since) {
        const Slot slot = parked_.front().slot;
        pop_parked();
        context_.counters.commands_unproven.add();
        deliver(slot, resp::error(client_errors::kNoProof));
    }
    if (parked_.empty()) {
        deliver_part();
    }
}

void Session::drop_parked() {
    context_.counters.replies_unproven.subtract(parked_.size());
    parked_.clear();
    RegistryHook<ParkedTag>::unlink();
}

/// A part of a large reply whose turn has not come: it is kept, and no more of it is read than can be.
void Session::keep_part(Slot slot, std::string_view bytes) {
    order_.keep_part(slot, bytes);
    if (pinned_ && order_.part_size() >= kSendAt) {
        pinned_->pause_reading();
    }
}

/// What is kept of a large reply goes out when it is its turn.
void Session::deliver_part() {
    if (order_.part_is_due()) {
        output_.begin_reply(order_.take_part());
        context_.turn.mark(*this);
    }
}

/// The command at hand must not be sent while nobody confirms writes. A transaction is stopped where it would take
/// effect, or where it begins if it travels whole.
bool Session::must_await_proof(const Row& row) const noexcept {
    if (context_.proof == nullptr || context_.proof->open()) {
        return false;
    }
    if (unit_.left() > 0) {
        return row.handling == Handling::multi;
    }
    return transaction_.open() ? row.handling == Handling::exec : changes_data(row);
}

/// Waits until writes are confirmed again. True: the hold is over, and the command was answered.
bool Session::await_proof(const Row& row, const resp::RequestView& request) {
    if (!refusing_) {
        hold();
        awaits_proof_ = true;
        return false;
    }
    context_.counters.commands_unproven.add();
    if (row.handling == Handling::multi) {
        unit_.abandon();
        transaction_.begin_broken(order_.next());  // else what follows would run outside of it
        reply(resp::simple("OK"));
        return true;
    }
    if (row.handling == Handling::exec && transaction_.open()) {
        transaction_.deny();  // the node is told to discard it
        return forward(row, request, route::Destination::pinned);
    }
    reply_error(client_errors::kNoProofRefused);
    return true;
}

/// Held for more than a leader: until writes are confirmed, or until what is to be sent again can be.
bool Session::must_stay_held() const {
    return awaits_proof_ ? !context_.proof->open() : !context_.proof->ready() && recovery_.writes();
}

}  // namespace portal::session
