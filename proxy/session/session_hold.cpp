// Session: the wait for a leader, within hold.time and hold.bytes. It ends when what came back is sent again, or when
// everything that waits is answered NOLEADER.
#include "resp/words.hpp"
#include "session/client_errors.hpp"
#include "session/hello_request.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"
#include "session/session_registry.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

namespace portal::session {

using command::Handling;

namespace {

bool is_discard(const Lost& lost) {
    return command::row_at(lost.request.tag).handling == Handling::discard;
}

/// So long a client waits for another leader when a script of its own says that there is one.
constexpr std::chrono::milliseconds kScriptsWord{50};
/// Who waits again so soon has not been served in between.
constexpr std::chrono::seconds kSameHold{1};

}  // namespace

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
    arm_deadline();
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
    active_at_ = context_.turn.now();
}

void Session::retry() {
    if (closed_ || wait_ != Wait::leader || !context_.forwarding()) {
        return;
    }
    if (settle_) {
        return;  // sorted out first, in this turn
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
    const auto is_fresh = [this](const Lost& each) {
        return may_lie(each) && each.epoch == context_.topology->epoch &&
               context_.turn.now() - each.refused_at < kScriptsWord;
    };
    if (std::ranges::any_of(lost_, is_fresh)) {
        return;  // asked again at the shard's next look; a script's word stops nobody else
    }
    if (must_track_again() && !use_tracking().switch_on_again()) {
        return;
    }
    leave_hold();
    left_hold_at_ = context_.turn.now();
    wait_ = Wait::drained;
    arm_deadline();
    resend();
    if (reads_on()) {
        wait_readable();  // what it sent while it was held, or that it has gone: it may be blocked once more for long
    }
    context_.turn.mark(*this);
}

/// Sends what came back once more, each on the link that its kind wants, in its old slot. What wants another link than
/// those before it waits until they are answered.
void Session::resend() {
    LostRequests again = std::exchange(lost_, {});
    const bool held = pinned_ && pinned_->was_ready();  // made before the loss, perhaps
    auto next = again.begin();
    for (; next != again.end(); ++next) {
        Lost& each = *next;
        const Row& row = command::row_at(each.request.tag);
        if (still_refused(each)) {
            continue;
        }
        const resp::RequestView request(each.command);
        const bool inside = is_inside(each.request);
        // Its link was lost and its node was not: perhaps for this very request.
        // All of a transaction that travels whole goes where its MULTI goes.
        const bool alone = each.sent && !each.request.unit && each.refusal.empty() && !inside &&
                           each.request.losses > 0 && each.epoch == context_.topology->epoch;
        upstream::Link* link = nullptr;
        if (row.handling == Handling::auth || row.handling == Handling::hello) {
            const bool own = (state_.needs_pinned() && pinned_) || is_large(each.command);
            if (own && !has_link_for(route::Destination::pinned)) {
                break;
            }
            link = own ? &link_for(true) : &context_.links.auth_link();
            if (link != pinned_.get() && row.handling == Handling::hello && !resp::is_word(request.arg(0), "auth")) {
                const HelloRequest hello = read_hello(request, state_.protocol);
                std::string login;
                resp::write_request(login, "AUTH", hello.username, hello.password);
                each.command = std::move(login);
            }
        } else if (row.handling == Handling::select && state_.needs_pinned() && pinned_) {
            link = pinned_.get();
            each.request.effect = upstream::Effect::lasting;
        } else if (row.handling == Handling::select) {
            upstream::LinkIdentity wanted = identity();
            const std::string_view index = request.arg(1);
            std::from_chars(index.data(), index.data() + index.size(), wanted.database);
            link = &context_.links.shared(wanted);
            each.request.effect = upstream::Effect::none;
        } else {
            const bool pinned = !each.request.unit && route::route(row, command::may_block(row, request), state_,
                                                                   true) == route::Destination::pinned;
            const bool own = inside || pinned || alone || (!each.request.unit && is_large(each.command));
            if (!has_link_for(own ? route::Destination::pinned : route::Destination::shared)) {
                break;
            }
            each.request.alone = alone && !held;
            // An idle link may be lost with the same node, and nobody has read that yet; only a new one proves
            // anything.
            link = own ? &lease_fresh(upstream::LinkPool::Before::no_request) : &link_for(false);
        }
        if (in_flight_ > 0 && last_link_ != link) {
            break;
        }
        state_.watching = state_.watching || row.handling == Handling::watch;
        if (row.handling == Handling::auth || row.handling == Handling::hello || row.handling == Handling::select) {
            wait_ = Wait::reply;
        } else if (row.handling == Handling::blocking && !inside) {
            each.command = rearmed(row, each.command);
        }
        if (row.write) {
            write_epoch_ = context_.topology->epoch;
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
    for (; next != again.end(); ++next) {
        keep(std::move(*next));
    }
    if (!lost_.empty() && in_flight_ == 0) {
        hold();  // no link can be had now
    }
}

/// The hold is over without a leader: everything that waits is answered, and the client is read again.
void Session::refuse_held(std::string_view text) {
    if (settle_) {
        settle_losses();  // what was lost in this turn may have been executed
        if (closed_ || wait_ != Wait::leader) {
            return;
        }
    }
    const std::string reason = std::string(text) + std::string(no_leader_reason());
    leave_hold();
    const LostRequests refused = std::exchange(lost_, {});
    const bool in_transaction = state_.in_transaction();
    give_up_transaction(refused);
    state_.watching = node_watches();
    for (const Lost& each : refused) {
        if (each.request.silent) {
            continue;
        }
        const bool discards = in_transaction && is_discard(each);
        context_.counters.commands_no_leader.add();
        replies_.finish(each.request.sequence,
                        each.request.muted ? std::string()
                        : discards         ? resp::simple("OK")  // that nothing of it runs needs no leader
                                           : resp::error(reason),
                        output_);
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
    arm_deadline();
    context_.turn.mark(*this);
}

}  // namespace portal::session
