// Session: from one framed request to the link that carries it.
#include "conversation/client_errors.hpp"
#include "conversation/link_effect.hpp"
#include "resp/words.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"

#include <strings.h>
#include <utility>

namespace portal::session {

using command::Handling;
using observe::Closed;
using route::Destination;

namespace {

/// How far a transaction is looked ahead for its EXEC.
constexpr std::uint32_t kUnitCommands = 1024;

/// The first words of an HTTP request or header.
bool is_http(std::string_view word) {
    return (word.size() == 4 && ::strncasecmp(word.data(), "post", 4) == 0) ||
           (word.size() == 5 && ::strncasecmp(word.data(), "host:", 5) == 0);
}

/// The commands behind a MULTI, its EXEC included, if all of them are in `rest` and may travel on a shared link; else
/// none. Only EXEC ends one there: whatever the node thinks of it, the transaction is over. A DISCARD may be refused,
/// and everybody's commands behind it would be queued.
void find_unit(std::string_view rest, SessionContext& context) {
    std::vector<UnitPart>& parts = context.unit;
    parts.clear();
    resp::RequestScanner scanner(context.limits);
    std::size_t size = 0;
    while (parts.size() < kUnitCommands) {
        const resp::ScanResult result = scanner.scan(rest);
        if (result.status != resp::ScanStatus::complete || resp::is_inline(rest.substr(0, result.size))) {
            break;
        }
        size += result.size;
        if (size >= kLargeRequest) {
            break;
        }
        const resp::RequestView request(rest.substr(0, result.size));
        const command::CommandRow& row = command::classify(request);
        const bool last = row.handling == Handling::exec;
        if (last ? request.argc() != 1 : row.affinity != command::Affinity::shared) {
            break;
        }
        if (!context.refusal(row, request).empty()) {
            break;
        }
        parts.push_back({&row, result.size});
        if (last) {
            return;
        }
        rest.remove_prefix(result.size);
    }
    parts.clear();
}

}  // namespace

void Session::begin_request() {
    muted_ = state_.reply_mode == command::ReplyMode::off || state_.reply_mode == command::ReplyMode::skip_this;
}

/// The request was answered, or is on its way.
void Session::end_request() {
    context_.counters.commands.add();
    unit_.note_sent();
    if (state_.reply_mode == command::ReplyMode::skip_this) {
        state_.reply_mode = command::ReplyMode::on;
    } else if (state_.reply_mode == command::ReplyMode::skip_next) {
        state_.reply_mode = command::ReplyMode::skip_this;
    }
}

/// Answers what this client may not ask for. False: it may.
bool Session::refuse(const Row& row, const resp::RequestView& request) {
    if (must_log_in() && row.handling != Handling::auth && row.handling != Handling::hello &&
        row.handling != Handling::quit && row.handling != Handling::reset) {
        refuse_before_login(row, request);
        return true;
    }
    if (const std::string_view refusal = context_.refusal(row, request); !refusal.empty()) {
        transaction_.deny();
        if (refusal == client_errors::kDenied || refusal == client_errors::kNoReplication) {
            context_.counters.commands_denied.add();
            reply_error(std::string(refusal) + std::string(request.arg(0).substr(0, 64)));
        } else {
            reply_error(refusal);
        }
        return true;
    }
    if (is_large(request.frame()) && has_long_name(row, request)) {
        deny(resp::error(client_errors::kLongName));
        return true;
    }
    if (state_.resp2_subscriber()) {
        const std::string refusal = subscriber_mode_refusal(row, request.argc());
        if (!refusal.empty()) {
            reply_error(refusal);
            return true;
        }
    }
    return false;
}

/// Inside a transaction the node does not know of it: its EXEC must fail, and an EXEC that is refused ends it.
void Session::refuse_without_leader(const Row& row) {
    context_.counters.commands_no_leader.add();
    if (transaction_.open()) {
        transaction_.deny();
        if (row.handling == Handling::exec || row.handling == Handling::discard) {
            end_transaction();
        }
        if (row.handling == Handling::discard) {
            reply(resp::simple("OK"));  // that nothing of it runs needs no leader
            return;
        }
    }
    reply_error(std::string(client_errors::kNoLeader) + std::string(no_leader_reason()));
}

/// One framed request; `rest` is what follows it. False: it must wait, and stays in the input.
bool Session::take_request(std::string_view frame, std::string_view rest) {
    std::string converted;
    if (resp::is_inline(frame)) {
        std::optional<std::string> words = resp::inline_to_multibulk(frame);
        if (!words) {
            protocol_error(resp::Error::unbalanced_quotes);
            return true;
        }
        if (words->empty()) {
            return true;
        }
        converted = std::move(*words);
        frame = converted;
    }
    const resp::RequestView request(frame);
    const Row& listed = command::classify(request);
    begin_request();
    if (listed.handling == Handling::unknown && is_http(request.arg(0))) {
        close(Closed::protocol);  // as redis-server: a browser was lured into talking to us
        return true;
    }
    const Row& row = listed.handling == Handling::unknown ? context_.server_commands.row_of(request) : listed;
    if (relaying_) {
        relay_request(row, request);
        return true;
    }
    last_row_ = &row;
    if (pinned_) {
        release_pinned_if_free();
    }
    if (!dispatch(row, request, rest)) {
        unit_.abandon();  // a whole transaction is looked for again when its MULTI is taken
        return false;
    }
    end_request();
    return true;
}

/// Refuses the request, answers it, or sends it on its way. False: it must wait.
bool Session::dispatch(const Row& row, const resp::RequestView& request, std::string_view rest) {
    if (subscriptions_ && subscriptions_->delays(row)) {
        pause(Wait::drained);
        return false;
    }
    if (context_.pause.mode != ClientPause::Mode::none && !must_log_in() && pauses(row)) {
        pause(Wait::paused);
        return false;
    }
    if (refuse(row, request)) {
        return true;
    }
    if (row.handling == Handling::multi && request.argc() == 1 && !transaction_.active()) {
        if (transaction_.watch_broken()) {
            transaction_.begin_broken(order_.next());
            reply(resp::simple("OK"));
            return true;
        }
        look_for_unit(rest);
    }
    const Destination destination = destination_of(row, request);
    switch (destination) {
        case Destination::local:
            return answer_locally(row, request);
        case Destination::feed:
            return use_subscriptions().take(row, request);
        case Destination::hold:
            break;
        case Destination::shared:
        case Destination::pinned:
            if (must_await_proof(row)) {
                return await_proof(row, request);
            }
            if (has_link_for(destination)) {
                return forward(row, request, destination);
            }
            break;
    }
    if (!refusing_) {
        hold();
        return false;
    }
    unit_.abandon();
    refuse_without_leader(row);
    return true;
}

/// A MULTI is at hand: whether all of its transaction is there, and may travel in one piece.
void Session::look_for_unit(std::string_view rest) {
    if (!pinned_ && !needs_pinned() && unit_.left() == 0 && context_.pause.mode == ClientPause::Mode::none) {
        find_unit(rest, context_);
        if (!context_.unit.empty()) {
            unit_.begin(context_.unit.size());
            transaction_.queued().clear();
        }
    }
}

route::Destination Session::destination_of(const Row& row, const resp::RequestView& request) const {
    const Destination destination =
        route::route(row, command::may_block(row, request), route_client(), context_.forwarding());
    if (unit_.left() > 0) {
        return destination == Destination::pinned ? Destination::shared : destination;
    }
    const bool alone = destination == Destination::shared &&
                       (is_large(request.frame()) || (context_.large_keys.any() && has_large_key(row, request)));
    return alone ? Destination::pinned : destination;
}

/// The rest of a transaction that travels in one piece, `rest` begins with it: its MULTI has just been sent, and
/// nothing may come in between any more. Returns how many bytes it has.
std::size_t Session::take_unit(std::string_view rest) {
    upstream::Link& link = link_for(false);
    std::size_t taken = 0;
    for (const UnitPart& part : context_.unit) {
        begin_request();
        last_row_ = part.row;
        submit(link, *part.row, rest.substr(taken, part.size));
        end_request();
        taken += part.size;
    }
    return taken;
}

/// Sends the request on its link. False: the link is another than the one that still owes replies, so it must wait.
bool Session::forward(const Row& row, const resp::RequestView& request, Destination destination) {
    if (transaction_.open() && !pinned_) {
        pause(Wait::drained);  // its link has just been lost, which is sorted out first
        return false;
    }
    if (row.handling != Handling::plain) {
        if (const std::optional<bool> taken = forward_in_its_way(row, request)) {
            return *taken;
        }
    }
    const bool large = is_large(request.frame());
    upstream::Link& link = link_that_carries(row, large, destination);
    if (!order_.idle() && (large || !order_.is_on(&link))) {
        pause(Wait::drained);
        return false;
    }
    if (row.handling != Handling::plain && !note_forwarded(row, request)) {
        return false;
    }
    if (transaction_.phase() == Transaction::Phase::exec_sent && row.handling == Handling::exec &&
        !transaction_.queued().own().empty()) {
        return submit_exec(row, request);
    }
    submit(link, row, request.frame());
    const bool opens_none = row.handling == Handling::multi && !transaction_.active();
    const bool ends = row.handling == Handling::exec || row.handling == Handling::discard || opens_none;
    if (unit_.left() == 0 && ends) {
        pause(Wait::drained);  // its answer tells whether the next command is inside a transaction
    } else if (row.handling == Handling::script_debug) {
        pause(Wait::drained);  // or in the debugger
    }
    return true;
}

upstream::Link& Session::link_that_carries(const Row& row, bool large, Destination destination) {
    if (row.handling == Handling::publish && subscriptions_ && !needs_pinned() && !large && unit_.left() == 0) {
        if (upstream::Link* const feed = subscriptions_->feed_link()) {
            return *feed;
        }
    }
    return link_for(destination == Destination::pinned);
}

/// What does not simply travel as it is: whether it was taken. Nothing: it does.
std::optional<bool> Session::forward_in_its_way(const Row& row, const resp::RequestView& request) {
    if (row.handling == Handling::exec && transaction_.denied() && transaction_.open()) {
        // The node knows nothing of the command that was denied; with EXEC it would run the others.
        transaction_.send_discard_for_exec();
        std::string discard;
        resp::write_request(discard, "DISCARD");
        submit(*pinned_, row, discard, upstream::Effect::discard);
        pause(Wait::drained);  // it may be refused
        return true;
    }
    if (transaction_.open() && QueuedCommands::concerns_portal(row.handling)) {
        return queue(row, request);
    }
    if (row.handling == Handling::client_tracking) {
        return use_tracking().take(row, request);
    }
    if (transaction_.active()) {
        return std::nullopt;
    }
    if (row.handling == Handling::wait) {
        return forward_wait(row, request);
    }
    if (row.handling == Handling::script_debug) {
        if (!order_.idle()) {
            pause(Wait::drained);
            return false;
        }
        // The node accepts it only where no reply is still to come, not even to a fence.
        lease_fresh(upstream::LinkPool::Before::no_fence);
    }
    if (state_.debugging && row.name.starts_with("eval")) {
        return begin_relay(row, request.frame());
    }
    return std::nullopt;
}

/// The request is about to be sent: what it begins or ends for this client. False: it must wait.
bool Session::note_forwarded(const Row& row, const resp::RequestView& request) {
    switch (row.handling) {
        case Handling::multi:
            if (transaction_.open() && !(pinned_ && pinned_->carries().in_transaction())) {
                pause(Wait::drained);  // whether it is nested is known when the one before it is answered
                return false;
            }
            if (unit_.left() == 0 && !transaction_.active() && request.argc() == 1) {
                transaction_.begin(order_.next());
            }
            return true;
        case Handling::exec:
            if (transaction_.open() && request.argc() == 1) {
                transaction_.send_exec();
            }
            return true;
        case Handling::watch:
            transaction_.send_watch();
            return true;
        case Handling::client_caching:
            if (tracking_) {
                tracking_->note_caching(request);
            }
            return true;
        default:
            return true;
    }
}

/// WAIT speaks of the writes of this client, which travelled on a shared link. A command before it on the pinned link
/// makes the node take its present offset, which covers them all. Writes that an earlier leader answered nobody can
/// confirm now.
bool Session::forward_wait(const Row& row, const resp::RequestView& request) {
    if (!order_.idle()) {
        pause(Wait::drained);
        return false;
    }
    if (write_epoch_ && *write_epoch_ != context_.topology->epoch) {
        reply(resp::integer(0));
        return true;
    }
    upstream::Link& link = link_for(true);
    std::string ping;
    resp::write_request(ping, "PING");
    submit_own(link, ping, 1);
    return submit(link, row, request.frame());
}

}  // namespace portal::session
