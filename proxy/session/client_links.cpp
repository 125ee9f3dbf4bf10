#include "session/client_links.hpp"

#include "conversation/client_errors.hpp"
#include "conversation/leading_replies.hpp"
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
    return handling == Handling::plain || handling == Handling::cursor || handling == Handling::script ||
           handling == Handling::blocking || handling == Handling::ping || handling == Handling::exec ||
           handling == Handling::unknown;
}

}  // namespace

bool ClientLinks::must_track_again() const noexcept {
    return state().tracking && !own_;
}

void ClientLinks::note_write() noexcept {
    write_epoch_ = context().topology->epoch;
}

upstream::Link& ClientLinks::link_that_carries(const Row& row, bool large, Destination destination) {
    if (row.handling == Handling::publish && features().subscriptions() && !needs_own() && !large &&
        unit().left() == 0) {
        if (upstream::Link* const feed = features().subscriptions()->feed_link()) {
            return *feed;
        }
    }
    return link_for(destination == Destination::pinned, lane_of(row));
}

bool ClientLinks::has_link_for(Destination destination) const {
    if (own_) {
        return true;
    }
    const command::Credentials& login = *state().credentials;
    const upstream::LinkIdentityView wanted{login.username,   login.password, state().protocol,
                                            state().database, login.proven,   &this->login().selector(),
                                            login.by_token};
    return destination == Destination::pinned ? target().may_lease(wanted) : target().may_share(wanted);
}

/// Where the command at hand goes: a leader, and the links to it. Nobody else in a session chooses one. Today there is
/// one for all commands; with slots it is the one that serves the keys of this one.
upstream::LinkPool& ClientLinks::target() const noexcept {
    return context().links;
}

upstream::Link& ClientLinks::login_link() {
    return target().auth_link();
}

upstream::Link& ClientLinks::database_link(std::uint32_t database) {
    upstream::LinkIdentity wanted = login().identity();
    wanted.database = database;
    wanted.selector = nullptr;  // the client selects it as who it is now
    return target().shared(wanted, upstream::Link::Lane::quick);
}

void ClientLinks::doubt_leader(std::string_view answer) {
    target().doubt_leader(error_words(answer));
}

upstream::Link& ClientLinks::shared_link(upstream::Link::Lane lane) {
    const command::Credentials& login = *state().credentials;
    lane_ = lane;
    return target().shared({login.username, login.password, state().protocol, state().database, login.proven,
                            &this->login().selector(), login.by_token},
                           lane);
}

upstream::Link::Lane ClientLinks::lane_of(const Row& row) const noexcept {
    using enum upstream::Link::Lane;
    const bool follows = lane_ == slow && !order().idle();
    return row.slow || follows || unit().slow() ? slow : quick;
}

upstream::Link& ClientLinks::link_for(bool own, upstream::Link::Lane lane) {
    if (!own && !own_) {
        return shared_link(lane);
    }
    if (!own) {
        // The lease ends when its last reply has come; until then Order::may_use() makes the request wait.
        release_own_if_free();
        return own_ ? *own_ : shared_link(lane);
    }
    if (!own_) {
        own_ = target().lease(login().identity(), session_);
    }
    return *own_;
}

upstream::Link& ClientLinks::lease_fresh(upstream::LinkPool::Before before) {
    if (!own_) {
        own_ = target().lease(login().identity(), session_, before);
    }
    return *own_;
}

upstream::PendingRequest ClientLinks::open_request(const Row& row) {
    upstream::PendingRequest pending;
    pending.sink = upstream::ReplySinkPtr(&session_);
    pending.sequence = order().open();
    pending.tag = static_cast<std::uint32_t>(command::index_of(row));
    pending.repeatable = !row.write;
    pending.effect = effect_of(row.handling);
    pending.free_text = row.runs_code || (row.handling == Handling::exec && transaction().queued().runs_code());
    pending.inside = transaction().active() && pending.sequence != transaction().slot();
    // SCRIPT DEBUG and PSYNC are accepted only where no reply is still to come.
    pending.no_fence = state().monitoring || state().listens_on_link || state().debugging ||
                       row.handling == Handling::script_debug || row.handling == Handling::sync;
    pending.muted = requests().muted();
    pending.slow = lane_of(row) == upstream::Link::Lane::slow;
    pending.blocks =
        row.handling == Handling::blocking || row.handling == Handling::wait || row.handling == Handling::sync;
    pending.opens = row.handling == Handling::sync;
    if (pending.blocks && !transaction().active()) {
        order().note_blocking(pending.sequence, context().turn.now());
    }
    pending.parts = may_come_in_parts(row.handling) &&
                    (row.handling != Handling::exec || transaction().queued().own().empty()) &&
                    (context().writes.proof == nullptr || !row.write);
    if (row.write) {
        note_write();
    }
    using observe::CommandClass;
    const CommandClass kind = row.write ? CommandClass::write : CommandClass::read;
    replies().time(pending.sequence, pending.blocks ? CommandClass::blocking : kind);
    return pending;
}

bool ClientLinks::submit(upstream::Link& link, const Row& row, std::string_view frame) {
    return submit(link, row, frame, effect_of(row.handling));
}

bool ClientLinks::submit(upstream::Link& link, const Row& row, std::string_view frame, upstream::Effect effect) {
    upstream::PendingRequest pending = open_request(row);
    pending.effect = effect;
    pending.unit = unit().left() > 0;
    if (transaction().active() || unit().left() > 0) {
        transaction().queued().note(row);
    }
    order().note_sent(&link, frame.size());
    link.submit(frame, std::move(pending));
    const bool may_pause = unit().left() <= 1;  // a transaction that travels whole is never cut
    if (may_pause && (order().full(proofs().parked().size()) || link.requests().unsent() >= kLinkBytes)) {
        intake().pause(Wait::window);
    }
    return true;
}

void ClientLinks::submit_own(upstream::Link& link, std::string_view frame, std::int32_t replies) {
    const Row& row = command::classify(resp::RequestView(frame));
    upstream::PendingRequest pending;
    pending.sink = upstream::ReplySinkPtr(&session_);
    pending.sequence = kNoSlot;
    pending.tag = static_cast<std::uint32_t>(command::index_of(row));
    pending.effect = effect_of(row.handling);
    pending.replies_left = replies;
    pending.parts = row.name == StreamIds::kQuestion;  // an entry may be large, and only its id is wanted
    order().note_sent(&link, frame.size());
    link.submit(frame, std::move(pending));
}

void ClientLinks::ask_for_ids(upstream::Link& link, Slot slot, const Row& row, const resp::RequestView& request) {
    if (state().tracking) {
        return;  // a question would be what CLIENT CACHING speaks of, and what is tracked
    }
    for (const std::string& question : session_.conversation.stream_ids.ask(slot, row, request)) {
        submit_own(link, question, 1);
    }
}

void ClientLinks::submit_end(std::string_view name) {
    std::string frame;
    resp::write_request(frame, name);
    submit_own(*own_, frame, 1);
    order().note_moved(nullptr);
}

bool ClientLinks::submit_wait(const Row& row, const resp::RequestView& request) {
    if (!order().idle()) {
        intake().pause(Wait::drained);
        return false;
    }
    if (write_epoch_ && *write_epoch_ != context().topology->epoch) {
        replies().reply(resp::integer(0));
        return true;
    }
    upstream::Link& link = link_for(true);
    if (write_epoch_) {
        std::string ping;
        resp::write_request(ping, "PING");
        submit_own(link, ping, 1);
    }
    return submit(link, row, request.frame());
}

void ClientLinks::release_own_if_free() {
    if (own_ && order().idle() && !needs_own() && recovery().empty()) {
        own_.reset();
    }
}

bool ClientLinks::agree() const noexcept {
    return !own_ || !recovery().empty() || own_->state() != upstream::Link::State::ready || !own_->requests().empty() ||
           transaction().agrees(own_->carries());
}

std::string_view ClientLinks::no_leader_reason() const noexcept {
    if (!context().topology->leader) {
        return context().topology->reason;
    }
    if (!recovery().empty() && !recovery().waiting().front().refusal.empty()) {
        return client_errors::kRefuses;
    }
    if (!target().failure().empty()) {
        return target().failure();
    }
    return target().has_leader() ? std::string_view("the record could not be confirmed in time")
                                 : std::string_view("the leader has changed");
}

bool ClientLinks::adopt(upstream::Lease& lease) {
    if (connection().closed()) {
        return false;
    }
    own_ = std::move(lease);
    return true;
}

upstream::Link* ClientLinks::own_link() {
    return connection().closed() || !has_link_for(Destination::pinned) ? nullptr : &link_for(true);
}

bool ClientLinks::blocked_at_node() const noexcept {
    if (!own_ || !own_->was_ready() || own_->requests().unsent() > 0) {
        return false;
    }
    const upstream::PendingRequest* front = own_->requests().oldest();
    if (front == nullptr || front->sink.get() != &session_ || front->sequence == kNoSlot ||
        transaction().contains(*front)) {
        return false;
    }
    const Handling handling = command::row_at(front->tag).handling;
    return handling == Handling::blocking || handling == Handling::wait;
}

std::uint64_t ClientLinks::blocked_connection() noexcept {
    if (!blocked_at_node()) {
        return 0;
    }
    own_->taint();
    return own_->setup().connection_id();
}

}  // namespace portal::session
