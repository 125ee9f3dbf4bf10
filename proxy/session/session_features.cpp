// Session: what its features ask of it, see feature_host.hpp, and how they come to be.
#include "session/session.hpp"
#include "session/session_bounds.hpp"

#include <memory>
#include <utility>

namespace portal::session {

using observe::Closed;

ClientSubscriptions& Session::use_subscriptions() {
    if (!subscriptions_) {
        subscriptions_ = std::make_unique<ClientSubscriptions>(*this);
    }
    return *subscriptions_;
}

ClientTracking& Session::use_tracking() {
    if (!tracking_) {
        tracking_ = std::make_unique<ClientTracking>(*this);
    }
    return *tracking_;
}

ClientCommands& Session::use_commands() {
    if (!commands_) {
        commands_ = std::make_unique<ClientCommands>(*this);
    }
    return *commands_;
}

void Session::await_answer() {
    pause(Wait::reply);
    if (executed_) {
        executed_->waiting = true;
    }
}

void Session::finish_awaited(Slot slot, std::string bytes) {
    if (executed_) {
        finish_part(bytes);
        return;
    }
    order_.finish(slot, muted_ ? std::string() : std::move(bytes), output_);
    end_reply_wait();
    context_.turn.mark(*this);
}

void Session::finish_killed(Slot slot, std::string bytes) {
    ended_ = true;
    ending_ = Closed::killed;
    if (executed_) {
        give_result(std::exchange(bytes, {}));
        executed_->cut_off = true;
    }
    finish_awaited(slot, std::move(bytes));
}

void Session::end_pause() {
    if (!closed_ && wait_ == Wait::paused) {
        wait_ = Wait::drained;
        context_.turn.mark(*this);
    }
}

void Session::confirm(std::string bytes) {
    context_.counters.commands_local.add();
    order_.finish(order_.open(), std::move(bytes), output_);
    context_.turn.mark(*this);
}

bool Session::in_flight_elsewhere(const upstream::Link* link) const noexcept {
    return !order_.idle() && (link == nullptr || !order_.is_on(link));
}

void Session::count_sent(std::size_t size) noexcept {
    order_.note_sent(nullptr, size);
}

void Session::note_sent(const upstream::Link* link) {
    order_.note_moved(link);
    if (order_.full(parked_.size())) {
        pause(Wait::window);
    }
}

void Session::finish_slot(Slot slot, std::size_t size, std::string bytes) {
    order_.note_back(size);
    order_.finish(slot, std::move(bytes), output_);
    context_.turn.mark(*this);
}

void Session::cut_off(observe::Closed reason) {
    ending_ = reason;
    cut_off_ = true;
    context_.turn.mark(*this);
}

void Session::deny(std::string error) {
    transaction_.deny();
    reply(std::move(error));
}

void Session::end_reply_wait() noexcept {
    if (wait_ == Wait::reply) {
        wait_ = Wait::drained;
    }
}

upstream::Link& Session::fresh_link() {
    using Before = upstream::LinkPool::Before;
    return lease_fresh(recovery_.empty() ? Before::anything : Before::no_request);  // see resend()
}

void Session::take_invalidation(std::string_view keys) {
    if (!closed_ && !cut_off_) {
        send_push(invalidation_for(state_, keys));
    }
}

std::string Session::translated_push(std::string_view frame) const {
    return tracking_ ? tracking_->translated(frame) : std::string(frame);
}

}  // namespace portal::session
