// Session: the links that carry its requests: which there are for this client, and how a request is handed to one.
#include "conversation/client_errors.hpp"
#include "conversation/link_effect.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"

#include <utility>

namespace portal::session {

using command::Handling;
using route::Destination;

namespace {

/// Replies that only need to be looked at where they begin.
bool may_come_in_parts(Handling handling) {
    return handling == Handling::plain || handling == Handling::script || handling == Handling::blocking ||
           handling == Handling::ping || handling == Handling::exec || handling == Handling::unknown;
}

}  // namespace

/// False: none can be had for now, and more of the kind would not help. A link that the client has already is its own.
bool Session::has_link_for(Destination destination) const {
    if (pinned_) {
        return true;
    }
    const command::Credentials& login = *state_.credentials;
    const upstream::LinkIdentityView wanted{login.username,  login.password, state_.protocol,
                                            state_.database, login.proven,   &selector_};
    return destination == Destination::pinned ? context_.links.may_lease(wanted) : context_.links.may_share(wanted);
}

upstream::Link& Session::shared_link() {
    const command::Credentials& login = *state_.credentials;
    return context_.links.shared(
        {login.username, login.password, state_.protocol, state_.database, login.proven, &selector_});
}

upstream::Link& Session::link_for(bool pinned) {
    if (!pinned && !pinned_) {
        return shared_link();
    }
    if (!pinned) {
        // The lease ends when its last reply has come; until then Order::may_use() makes the request wait.
        release_pinned_if_free();
        return pinned_ ? *pinned_ : shared_link();
    }
    if (!pinned_) {
        pinned_ = context_.links.lease(identity(), *this);
    }
    return *pinned_;
}

/// A link that begins with the next request, unless the client has one already.
upstream::Link& Session::lease_fresh(upstream::LinkPool::Before before) {
    if (!pinned_) {
        pinned_ = context_.links.lease(identity(), *this, before);
    }
    return *pinned_;
}

upstream::PendingRequest Session::open_request(const Row& row) {
    upstream::PendingRequest pending;
    pending.sink = upstream::ReplySinkPtr(this);
    pending.sequence = order_.open();
    pending.tag = static_cast<std::uint32_t>(command::index_of(row));
    pending.repeatable = !row.write;
    pending.effect = effect_of(row.handling);
    pending.free_text = row.runs_code || (row.handling == Handling::exec && transaction_.queued().runs_code());
    pending.inside = transaction_.active() && pending.sequence != transaction_.slot();
    // SCRIPT DEBUG is accepted only where no reply is still to come.
    pending.no_fence =
        state_.monitoring || state_.listens_on_link || state_.debugging || row.handling == Handling::script_debug;
    pending.muted = muted_;
    pending.blocks = row.handling == Handling::blocking || row.handling == Handling::wait;
    if (pending.blocks && !transaction_.active()) {
        order_.note_blocking(pending.sequence, context_.turn.now());
    }
    pending.parts = may_come_in_parts(row.handling) &&
                    (row.handling != Handling::exec || transaction_.queued().own().empty()) &&
                    (context_.proof == nullptr || !row.write);
    if (row.write) {
        write_epoch_ = context_.topology->epoch;
    }
    if (!timed_) {
        using observe::CommandClass;
        const CommandClass kind = row.write ? CommandClass::write : CommandClass::read;
        timed_ = Timed{pending.sequence, pending.blocks ? CommandClass::blocking : kind, heard_at_};
    }
    return pending;
}

bool Session::submit(upstream::Link& link, const Row& row, std::string_view frame) {
    return submit(link, row, frame, effect_of(row.handling));
}

/// `effect`: where it is not what the command does on any link.
bool Session::submit(upstream::Link& link, const Row& row, std::string_view frame, upstream::Effect effect) {
    upstream::PendingRequest pending = open_request(row);
    pending.effect = effect;
    pending.unit = unit_.left() > 0;
    if (transaction_.active() || unit_.left() > 0) {
        transaction_.queued().note(row);
    }
    order_.note_sent(&link, frame.size());
    link.submit(frame, std::move(pending));
    const bool may_pause = unit_.left() <= 1;  // a transaction that travels whole is never cut
    if (may_pause && (order_.full(parked_.size()) || link.unsent() >= kLinkBytes)) {
        pause(Wait::window);
    }
    return true;
}

/// Sends a request of the session's own, whose replies the client does not see.
void Session::submit_own(upstream::Link& link, std::string_view frame, std::int32_t replies) {
    const Row& row = command::classify(resp::RequestView(frame));
    upstream::PendingRequest pending;
    pending.sink = upstream::ReplySinkPtr(this);
    pending.sequence = kNoSlot;
    pending.tag = static_cast<std::uint32_t>(command::index_of(row));
    pending.effect = effect_of(row.handling);
    pending.replies_left = replies;
    order_.note_sent(&link, frame.size());
    link.submit(frame, std::move(pending));
}

/// Sends what ends a state on the pinned link. The node may refuse it, so nothing follows before it is answered.
void Session::submit_end(std::string_view name) {
    std::string frame;
    resp::write_request(frame, name);
    submit_own(*pinned_, frame, 1);
    order_.note_moved(nullptr);
}

void Session::release_pinned_if_free() {
    if (pinned_ && order_.idle() && !needs_pinned() && recovery_.empty()) {
        pinned_.reset();
    }
}

/// The node is in a transaction of this client when the client believes to be in one, and not else. Only while nothing
/// is on its way.
bool Session::link_agrees() const noexcept {
    return !pinned_ || !recovery_.empty() || pinned_->state() != upstream::Link::State::ready ||
           pinned_->pending() > 0 || transaction_.agrees(pinned_->carries());
}

upstream::LinkIdentity Session::identity() const {
    return {state_.credentials->username,
            state_.credentials->password,
            state_.protocol,
            state_.database,
            state_.credentials->proven,
            selector_};
}

bool Session::must_log_in() const noexcept {
    return context_.links.auth_required() && state_.credentials->username.empty();
}

std::string_view Session::no_leader_reason() const noexcept {
    if (!context_.topology->leader) {
        return context_.topology->reason;
    }
    if (!recovery_.empty() && !recovery_.waiting().front().refusal.empty()) {
        return client_errors::kRefuses;
    }
    if (!context_.links.failure().empty()) {
        return context_.links.failure();
    }
    return context_.links.has_leader() ? std::string_view("the record could not be confirmed in time")
                                       : std::string_view("the leader has changed");
}

}  // namespace portal::session
