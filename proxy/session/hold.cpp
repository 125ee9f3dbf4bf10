#include "session/hold.hpp"

#include "command/block_timeout.hpp"
#include "conversation/client_errors.hpp"
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

bool is_multi_of(const Lost& lost, ReplySequencer::Slot slot) {
    return command::row_at(lost.request.tag).handling == Handling::multi && !lost.request.unit &&
           lost.request.sequence == slot;
}

/// So long a client waits for another leader when a script of its own says that there is one.
constexpr std::chrono::milliseconds kScriptsWord{50};
/// A command that waits again within this time was not served in between.
constexpr std::chrono::seconds kSameHold{1};

}  // namespace

/// A blocking command with the time that remains of its timeout. The oldest one has waited; those behind it have not
/// begun to.
std::string Hold::rearmed(const Row& row, const std::string& command) {
    return command::with_less_timeout(row, resp::RequestView(command), order().take_blocked_time(context().turn.now()));
}

void Hold::begin() {
    if (intake().wait() == Wait::leader) {
        account();
        return;
    }
    intake().set_wait(Wait::leader);
    if (!began_ || context().turn.now() - left_at_ > kSameHold) {
        began_ = context().turn.now();
    }
    if (!session_.RegistryHook<HeldTag>::is_linked()) {
        context().registry.held.push_back(session_);
        context().counters.sessions_held.add();
    }
    context().counters.commands_held.add(std::max<std::size_t>(1, recovery().size()));
    connection().arm();
    mark();
    account();
}

void Hold::account() {
    const std::size_t size = intake().kept() + recovery().bytes();
    context().limits.held.used += size - std::exchange(size_, size);
    context().counters.held_bytes.set(context().limits.held.used);
    if (context().limits.held.used > context().limits.held.limit) {
        full_ = true;  // not here: the input may be in the middle of being taken
        mark();
    }
}

void Hold::leave() {
    if (!session_.RegistryHook<HeldTag>::is_linked()) {
        return;
    }
    session_.RegistryHook<HeldTag>::unlink();
    proofs().stop_awaiting();
    context().counters.sessions_held.subtract();
    context().limits.held.used -= std::exchange(size_, 0);
    context().counters.held_bytes.set(context().limits.held.used);
    connection().note_active();
}

bool Hold::may_end() const {
    if (connection().closed() || intake().wait() != Wait::leader || !context().forwarding()) {
        return false;
    }
    if (recovery().due()) {
        return false;  // sorted out first, in this turn
    }
    if (!recovery().empty() && !order().idle()) {
        return false;  // answers to what was sent behind them are still to come
    }
    return context().writes.proof == nullptr || !proofs().must_stay_held();
}

/// A script's word stops nobody else; what may be one is asked again at the shard's next look.
bool Hold::heard_just_now() const {
    return std::ranges::any_of(recovery().waiting(), [this](const Lost& each) {
        return Recovery::may_lie(each, transaction()) && each.epoch == context().topology->epoch &&
               context().turn.now() - each.refused_at < kScriptsWord;
    });
}

void Hold::retry() {
    if (!may_end()) {
        return;
    }
    if (began_ && context().turn.now() - *began_ > context().config->hold.time) {
        refuse(client_errors::kNoLeader);  // a node that leads by all accounts refuses again and again
        return;
    }
    if (heard_just_now()) {
        return;
    }
    if (links().own() && transaction().active() && recovery().all_answered(transaction(), context().topology->epoch)) {
        losses().give_up_refused();  // a script has spoken of itself
    }
    if (!context().scripts.all_may_pass() && awaits_script()) {
        return;  // asked again when the node has been given it
    }
    if (links().own() && must_run_before_transaction()) {
        links().own()->end("what the client has asked for before its transaction is to be executed first");
        return;  // and then the transaction is begun again
    }
    if (links().must_track_again() && (!order().idle() || !features().use_tracking().switch_on_again())) {
        return;  // a login or SELECT on its way decides as whom and where
    }
    leave();
    left_at_ = context().turn.now();
    intake().set_wait(Wait::drained);
    connection().arm();
    resend();
    if (intake().reads_on()) {
        connection().wait_readable();  // what it sent while it was held, or that it has gone: it may be blocked once
                                       // more for long
    }
    mark();
}

bool Hold::awaits_script() const {
    return std::ranges::any_of(recovery().waiting(), [this](const Lost& each) {
        return context().scripts.must_wait(command::row_at(each.request.tag), resp::RequestView(each.command));
    });
}

/// Something that waits is older than the transaction that is open on the client's own link: sent there, it would be
/// queued.
bool Hold::must_run_before_transaction() const {
    return transaction().active() && std::ranges::any_of(recovery().waiting(), [this](const Lost& each) {
               return each.request.sequence < transaction().slot() && !each.request.unit &&
                      !losses().is_script_at_its_word(each);
           });
}

/// Sends what came back once more, each on the link that its kind wants, in its old slot. What wants another link than
/// those before it waits until they are answered.
void Hold::resend() {
    LostRequests again = recovery().take();
    const bool held = links().own() && links().own()->was_ready();  // made before the loss, perhaps
    auto next = again.begin();
    for (; next != again.end(); ++next) {
        if (losses().still_refused(*next) || ends_iteration(*next)) {
            continue;
        }
        const Row& row = command::row_at(next->request.tag);
        upstream::Link* const link = link_again(*next, row, held);
        if (link == nullptr || (!order().may_use(link))) {
            break;
        }
        send_again(*link, *next, row);
    }
    for (; next != again.end(); ++next) {
        recovery().keep(std::move(*next));
    }
    if (!recovery().empty() && order().idle()) {
        begin();  // no link can be had now
    }
}

/// It goes on with an iteration that another process began: it is answered here, and then this is true.
bool Hold::ends_iteration(const Lost& lost) {
    if (command::row_at(lost.request.tag).handling != Handling::cursor) {
        return false;
    }
    const resp::RequestView request(lost.command);
    const std::size_t word = cursor_word(request);
    if (word == 0 || origin_of(request.arg(word), context().cursor_mark) != CursorOrigin::another) {
        return false;
    }
    order().finish(lost.request.sequence, lost.request.muted ? std::string() : resp::error(client_errors::kCursor),
                   output());
    return true;
}

/// Where a request goes that came back; null: no such link can be had now. `held`: the client's own link, if it has
/// one, may be older than the loss.
upstream::Link* Hold::link_again(Lost& lost, const Row& row, bool held) {
    const resp::RequestView request(lost.command);
    switch (row.handling) {
        case Handling::auth:
        case Handling::hello:
            return login().link_again(lost, row);
        case Handling::select: {
            if (links().needs_own() && links().own()) {
                lost.request.effect = upstream::Effect::lasting;
                return links().own().get();
            }
            const std::string_view index = request.arg(1);
            std::uint32_t database = state().database;
            std::from_chars(index.data(), index.data() + index.size(), database);
            lost.request.effect = upstream::Effect::none;
            return &links().database_link(database);
        }
        default:
            break;
    }
    // All of a transaction that travels whole goes where its MULTI goes.
    const bool alone = Recovery::goes_alone(lost, transaction(), context().topology->epoch);
    route::Client client = links().route_client();
    client.transaction = command::TransactionPhase::none;  // what is inside goes on the client's own link in any case
    const bool pinned = route::route(row, command::may_block(row, request), client, true) == route::Destination::pinned;
    const bool own =
        transaction().contains(lost.request) || alone || (!lost.request.unit && (pinned || is_large(lost.command)));
    if (!links().has_link_for(own ? route::Destination::pinned : route::Destination::shared)) {
        return nullptr;
    }
    lost.request.alone = alone && !held;
    // An idle link may be lost with the same node, and nobody has read that yet; only a new one proves anything.
    return own ? &links().lease_fresh(upstream::LinkPool::Before::no_request)
               : &links().link_for(false, lost.request.slow ? upstream::Link::Lane::slow : upstream::Link::Lane::quick);
}

void Hold::send_again(upstream::Link& link, Lost& lost, const Row& row) {
    if (row.handling == Handling::watch) {
        transaction().send_watch();
    }
    if (row.handling == Handling::auth || row.handling == Handling::hello || row.handling == Handling::select) {
        intake().set_wait(Wait::reply);
    } else if (row.handling == Handling::cursor) {
        lost.command = without_mark(resp::RequestView(lost.command));
    } else if (row.handling == Handling::blocking && !transaction().contains(lost.request)) {
        lost.command = session_.conversation.stream_ids.known(lost.request.sequence, rearmed(row, lost.command));
        links().ask_for_ids(link, lost.request.sequence, row, resp::RequestView(lost.command));
    }
    if (row.write) {
        links().note_write();
    }
    if (lost.sent) {
        context().counters.commands_replayed.add();
    }
    resent_ = true;
    lost.request.parts = false;  // others may be answered before it, from where it was sent first
    order().note_sent(&link, lost.command.size());
    link.submit(lost.command, std::move(lost.request));
}

void Hold::end_if_due() {
    if (std::exchange(full_, false) && intake().wait() == Wait::leader) {
        refuse(client_errors::kHoldFull);
    } else if (intake().wait() == Wait::leader && size_ > 0 &&
               context().config->hold.time == config::Milliseconds::zero()) {
        refuse(client_errors::kNoLeader);
    }
}

void Hold::refuse(std::string_view text) {
    if (recovery().due()) {
        losses().settle();  // what was lost in this turn may have been executed
        if (connection().closed() || connection().is_cut_off() || intake().wait() != Wait::leader) {
            return;
        }
    }
    const std::string reason = std::string(text) + std::string(links().no_leader_reason());
    leave();
    const LostRequests refused = recovery().take();
    const bool in_transaction = transaction().active();
    const Slot slot = transaction().slot();
    transaction().give_up(refused, links().own_state());
    for (const Lost& each : refused) {
        if (each.request.silent) {
            continue;
        }
        // That nothing of it runs needs no leader, nor that its EXEC will fail.
        const bool agreed = in_transaction && (is_discard(each) || is_multi_of(each, slot));
        context().counters.commands_no_leader.add();
        order().finish(each.request.sequence,
                       each.request.muted ? std::string()
                       : agreed           ? resp::simple("OK")
                                          : resp::error(reason),
                       output());
    }
    notices().end_hold();
    began_.reset();
    intake().set_wait(Wait::nothing);
    refusing_ = true;
    intake().go_on();
    refusing_ = false;
    if (links().must_track_again() && !connection().closed()) {
        begin();  // so that it happens as soon as there is a leader
    }
    if (intake().wait() == Wait::nothing) {
        connection().wait_readable();
    }
    connection().arm();
    mark();
}

}  // namespace portal::session
