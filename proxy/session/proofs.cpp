#include "session/proofs.hpp"

#include "conversation/client_errors.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"
#include "session/session_registry.hpp"

namespace portal::session {

using command::Handling;

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
bool Proofs::acknowledges(const upstream::PendingRequest& request, const Row& row, const resp::ReplyHead& reply,
                          bool queued) const noexcept {
    if (!changes_data(row) || request.muted || reply.is_error() || (queued && row.handling != Handling::exec)) {
        return false;
    }
    return !((row.handling == Handling::exec || row.handling == Handling::blocking) && is_nil(reply.bytes()));
}

bool Proofs::park(const upstream::PendingRequest& request, std::string_view bytes) {
    upstream::Ticket ticket{};
    switch (context().writes.proof->place(ticket)) {
        case upstream::WriteProof::Place::pass:
            return false;
        case upstream::WriteProof::Place::lost:
            losses().tell_in_doubt(request.sequence, client_errors::kUnprovenInDoubt, false);
            return true;
        case upstream::WriteProof::Place::wait:
            break;
    }
    parked_.push(request.sequence, ticket, context().turn.now(), bytes);
    context().counters.replies_unproven.add();
    if (!session_.RegistryHook<ParkedTag>::is_linked()) {
        context().registry.parked.push_back(session_);
    }
    return true;
}

void Proofs::pop() {
    parked_.pop();
    context().counters.replies_unproven.subtract();
    if (parked_.empty()) {
        session_.RegistryHook<ParkedTag>::unlink();
    }
    mark();
}

void Proofs::release(upstream::Ticket proven) {
    while (!parked_.empty() && parked_.front().ticket <= proven) {
        replies().deliver(parked_.front().slot, parked_.front_reply());
        pop();
    }
    if (parked_.empty()) {
        replies().deliver_part();
    }
    sender().keep_output_bounded();
}

void Proofs::lose() {
    while (!parked_.empty() && !connection().closed()) {
        const Slot slot = parked_.front().slot;
        pop();
        losses().tell_in_doubt(slot, client_errors::kUnprovenInDoubt, false);
    }
    replies().deliver_part();
}

void Proofs::expire(net::Turn::Clock::time_point since) {
    while (!parked_.empty() && parked_.front().since <= since) {
        const Slot slot = parked_.front().slot;
        pop();
        context().counters.commands_unproven.add();
        replies().deliver(slot, resp::error(client_errors::kNoProof));
    }
    if (parked_.empty()) {
        replies().deliver_part();
    }
}

void Proofs::drop() {
    context().counters.replies_unproven.subtract(parked_.size());
    parked_.clear();
    session_.RegistryHook<ParkedTag>::unlink();
}

bool Proofs::must_await(const Row& row) const noexcept {
    if (context().writes.proof == nullptr || context().writes.proof->open()) {
        return false;
    }
    if (unit().left() > 0) {
        return row.handling == Handling::multi;
    }
    return transaction().open() ? row.handling == Handling::exec : changes_data(row);
}

bool Proofs::await(const Row& row, const resp::RequestView& request) {
    if (!hold().refusing()) {
        hold().begin();
        awaiting_ = true;
        return false;
    }
    context().counters.commands_unproven.add();
    if (row.handling == Handling::multi) {
        unit().abandon();
        requests().open_broken(false);  // else what follows would run outside of it
        return true;
    }
    if (row.handling == Handling::exec && transaction().open()) {
        transaction().deny();  // the node is told to discard it
        return requests().forward(row, request, route::Destination::pinned);
    }
    replies().reply_error(client_errors::kNoProofRefused);
    return true;
}

bool Proofs::must_stay_held() const {
    return awaiting_ ? !context().writes.proof->open() : !context().writes.proof->ready() && recovery().writes();
}

}  // namespace portal::session
