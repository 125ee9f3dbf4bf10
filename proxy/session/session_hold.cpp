// Session: the wait for a leader, within hold.time and hold.bytes. It ends when what came back is sent again, or when
// everything that waits is answered NOLEADER.
#include "conversation/client_errors.hpp"
#include "conversation/hello_request.hpp"
#include "resp/words.hpp"
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
    context_.counters.commands_held.add(std::max<std::size_t>(1, recovery_.size()));
    arm_deadline();
    context_.turn.mark(*this);
    account_held();
}

/// What this client keeps waiting, counted anew; too much in all, and it is told so in this turn.
void Session::account_held() {
    const std::size_t size = input_.size() + recovery_.bytes();
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
    if (recovery_.due()) {
        return;  // sorted out first, in this turn
    }
    if (!recovery_.empty() && !order_.idle()) {
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
        return Recovery::may_lie(each, transaction_) && each.epoch == context_.topology->epoch &&
               context_.turn.now() - each.refused_at < kScriptsWord;
    };
    if (std::ranges::any_of(recovery_.waiting(), is_fresh)) {
        return;  // asked again at the shard's next look; a script's word stops nobody else
    }
    if (pinned_ && must_run_before_transaction()) {
        pinned_->end("what the client has asked for before its transaction is to be executed first");
        return;  // and then the transaction is begun again
    }
    if (must_track_again() && (!order_.idle() || !use_tracking().switch_on_again())) {
        return;  // a login or SELECT on its way decides as whom and where
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

/// Something that waits is older than the transaction that is open on the client's own link: sent there, it would be
/// queued.
bool Session::must_run_before_transaction() const {
    return transaction_.active() && std::ranges::any_of(recovery_.waiting(), [this](const Lost& each) {
               return each.request.sequence < transaction_.slot() && !each.request.unit && !is_script_at_its_word(each);
           });
}

/// Sends what came back once more, each on the link that its kind wants, in its old slot. What wants another link than
/// those before it waits until they are answered.
void Session::resend() {
    LostRequests again = recovery_.take();
    const bool held = pinned_ && pinned_->was_ready();  // made before the loss, perhaps
    auto next = again.begin();
    for (; next != again.end(); ++next) {
        if (still_refused(*next)) {
            continue;
        }
        const Row& row = command::row_at(next->request.tag);
        upstream::Link* const link = link_again(*next, row, held);
        if (link == nullptr || (!order_.may_use(link))) {
            break;
        }
        send_again(*link, *next, row);
    }
    for (; next != again.end(); ++next) {
        recovery_.keep(std::move(*next));
    }
    if (!recovery_.empty() && order_.idle()) {
        hold();  // no link can be had now
    }
}

/// Where a request goes that came back; null: no such link can be had now. `held`: the client's own link, if it has
/// one, may be older than the loss.
upstream::Link* Session::link_again(Lost& lost, const Row& row, bool held) {
    const resp::RequestView request(lost.command);
    switch (row.handling) {
        case Handling::auth:
        case Handling::hello:
            return login_link_again(lost, row);
        case Handling::select: {
            if (needs_pinned() && pinned_) {
                lost.request.effect = upstream::Effect::lasting;
                return pinned_.get();
            }
            upstream::LinkIdentity wanted = identity();
            const std::string_view index = request.arg(1);
            std::from_chars(index.data(), index.data() + index.size(), wanted.database);
            lost.request.effect = upstream::Effect::none;
            return &context_.links.shared(wanted);
        }
        default:
            break;
    }
    // All of a transaction that travels whole goes where its MULTI goes.
    const bool alone = Recovery::goes_alone(lost, transaction_, context_.topology->epoch);
    const bool pinned =
        route::route(row, command::may_block(row, request), route_client(), true) == route::Destination::pinned;
    const bool own =
        transaction_.contains(lost.request) || alone || (!lost.request.unit && (pinned || is_large(lost.command)));
    if (!has_link_for(own ? route::Destination::pinned : route::Destination::shared)) {
        return nullptr;
    }
    lost.request.alone = alone && !held;
    // An idle link may be lost with the same node, and nobody has read that yet; only a new one proves anything.
    return own ? &lease_fresh(upstream::LinkPool::Before::no_request) : &link_for(false);
}

/// A login travels on the link for logins, unless what the client has begun goes on as the new user.
upstream::Link* Session::login_link_again(Lost& lost, const Row& row) {
    if ((needs_pinned() && pinned_) || is_large(lost.command)) {
        return has_link_for(route::Destination::pinned) ? &link_for(true) : nullptr;
    }
    const resp::RequestView request(lost.command);
    if (row.handling == Handling::hello && !resp::is_word(request.arg(0), "auth")) {
        const HelloRequest hello = read_hello(request, state_.protocol);
        std::string login;
        resp::write_request(login, "AUTH", hello.username, hello.password);
        lost.command = std::move(login);
    }
    return &context_.links.auth_link();
}

void Session::send_again(upstream::Link& link, Lost& lost, const Row& row) {
    if (row.handling == Handling::watch) {
        transaction_.send_watch();
    }
    if (row.handling == Handling::auth || row.handling == Handling::hello || row.handling == Handling::select) {
        wait_ = Wait::reply;
    } else if (row.handling == Handling::blocking && !transaction_.contains(lost.request)) {
        lost.command = rearmed(row, lost.command);
    }
    if (row.write) {
        write_epoch_ = context_.topology->epoch;
    }
    if (lost.sent) {
        context_.counters.commands_replayed.add();
    }
    lost.request.parts = false;  // others may be answered before it, from where it was sent first
    order_.note_sent(&link, lost.command.size());
    link.submit(lost.command, std::move(lost.request));
}

/// hold.bytes is used up, or there is no hold.
void Session::end_hold_if_due() {
    if (std::exchange(hold_full_, false) && wait_ == Wait::leader) {
        refuse_held(client_errors::kHoldFull);
    } else if (wait_ == Wait::leader && held_size_ > 0 && context_.config->hold.time == config::Milliseconds::zero()) {
        refuse_held(client_errors::kNoLeader);
    }
}

/// The hold is over without a leader: everything that waits is answered, and the client is read again.
void Session::refuse_held(std::string_view text) {
    if (recovery_.due()) {
        settle_losses();  // what was lost in this turn may have been executed
        if (closed_ || cut_off_ || wait_ != Wait::leader) {
            return;
        }
    }
    const std::string reason = std::string(text) + std::string(no_leader_reason());
    leave_hold();
    const LostRequests refused = recovery_.take();
    const bool in_transaction = transaction_.active();
    transaction_.give_up(refused, own_state());
    for (const Lost& each : refused) {
        if (each.request.silent) {
            continue;
        }
        const bool discards = in_transaction && is_discard(each);
        context_.counters.commands_no_leader.add();
        order_.finish(each.request.sequence,
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
