#include "session/feature_desk.hpp"

#include "session/client_description.hpp"
#include "session/session.hpp"

#include <utility>

namespace portal::session {

using observe::Closed;

// ------------------------------------------------------------------------------------------- the client

std::uint64_t FeatureDesk::id() const noexcept {
    return connection().origin().id;
}

upstream::LinkIdentity FeatureDesk::identity() const {
    return login().identity();
}

bool FeatureDesk::closed() const noexcept {
    return connection().closed();
}

SessionContext& FeatureDesk::context() noexcept {
    return SessionPart::context();
}

command::SessionState& FeatureDesk::state() noexcept {
    return SessionPart::state();
}

bool FeatureDesk::muted() const noexcept {
    return requests().muted();
}

void FeatureDesk::mute(bool on) noexcept {
    requests().mute(on);
}

ClientLine FeatureDesk::describe() const {
    return session::describe(session_);
}

// ------------------------------------------------------------------------------------------- the command at hand

void FeatureDesk::reply(std::string bytes) {
    replies().reply(std::move(bytes));
}

void FeatureDesk::deny(std::string error) {
    replies().deny(std::move(error));
}

void FeatureDesk::confirm(std::string bytes) {
    replies().confirm(std::move(bytes));
}

void FeatureDesk::note_asked() noexcept {
    requests().note_asked();
}

void FeatureDesk::await_answer() {
    intake().pause(Wait::reply);
    exec().note_waiting();
}

void FeatureDesk::finish_awaited(Slot slot, std::string bytes) {
    if (exec().busy()) {
        exec().finish_part(bytes);
        return;
    }
    SessionPart::order().finish(slot, muted() ? std::string() : std::move(bytes), output());
    end_reply_wait();
    mark();
}

void FeatureDesk::finish_killed(Slot slot, std::string bytes) {
    connection().end(Closed::killed);
    if (exec().busy()) {
        exec().cut_off(std::exchange(bytes, {}));
    }
    finish_awaited(slot, std::move(bytes));
}

void FeatureDesk::pause(Wait wait) {
    intake().pause(wait);
}

Wait FeatureDesk::wait() const noexcept {
    return intake().wait();
}

void FeatureDesk::end_reply_wait() noexcept {
    intake().end_reply_wait();
}

void FeatureDesk::wait_for_leader() {
    hold().begin();
}

void FeatureDesk::retry() {
    hold().retry();
}

bool FeatureDesk::refusing() const noexcept {
    return hold().refusing();
}

void FeatureDesk::refuse_without_leader(const Row& row) {
    requests().refuse_without_leader(row);
}

std::string_view FeatureDesk::no_leader_reason() const noexcept {
    return links().no_leader_reason();
}

// ------------------------------------------------------------------------------------------- what the feature sends

Order& FeatureDesk::order() noexcept {
    return SessionPart::order();
}

FeatureHost::Slot FeatureDesk::open_slot() noexcept {
    return exec().busy() ? exec().slot() : order().open();
}

void FeatureDesk::note_sent(const upstream::Link* link) {
    order().note_moved(link);
    if (order().full(proofs().parked().size())) {
        pause(Wait::window);
    }
}

void FeatureDesk::finish_slot(Slot slot, std::size_t size, std::string bytes) {
    order().note_back(size);
    order().finish(slot, std::move(bytes), output());
    mark();
}

upstream::Link* FeatureDesk::own_link() const noexcept {
    return links().own().get();
}

bool FeatureDesk::needs_own_link() const noexcept {
    return links().needs_own();
}

upstream::Link& FeatureDesk::link_for(bool own) {
    return links().link_for(own);
}

upstream::Link& FeatureDesk::fresh_link() {
    using Before = upstream::LinkPool::Before;
    return links().lease_fresh(recovery().empty() ? Before::anything : Before::no_request);  // see Hold::resend()
}

bool FeatureDesk::submit(upstream::Link& link, const Row& row, std::string_view frame) {
    return links().submit(link, row, frame);
}

void FeatureDesk::submit_own(upstream::Link& link, std::string_view frame, std::int32_t replies) {
    links().submit_own(link, frame, replies);
}

// ------------------------------------------------------------------------------------------- what nobody asked for

void FeatureDesk::send_message(const upstream::MessagePtr& message) {
    sender().send_message(message);
}

void FeatureDesk::send_push(std::string_view frame) {
    sender().send_push(frame);
}

void FeatureDesk::mark() {
    SessionPart::mark();
}

bool FeatureDesk::closes_on_gap() noexcept {
    return connection().origin().on_gap.value_or(context().config->pubsub.on_gap) == config::OnGap::close;
}

void FeatureDesk::cut_off(Closed reason) {
    connection().cut_off(reason);
}

}  // namespace portal::session
