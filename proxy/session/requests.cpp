#include "session/requests.hpp"

#include "conversation/client_errors.hpp"
#include "resp/words.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"
#include "session/unit_lookahead.hpp"

#include <algorithm>
#include <strings.h>
#include <utility>

namespace portal::session {

using command::Handling;
using observe::Closed;
using route::Destination;

namespace {

/// The first words of an HTTP request or header.
bool is_http(std::string_view word) {
    return (word.size() == 4 && ::strncasecmp(word.data(), "post", 4) == 0) ||
           (word.size() == 5 && ::strncasecmp(word.data(), "host:", 5) == 0);
}

bool is_slow(const UnitPart& part) {
    return part.row->slow;
}

}  // namespace

void Requests::begin() {
    muted_ = state().reply_mode == command::ReplyMode::off || state().reply_mode == command::ReplyMode::skip_this;
}

void Requests::end() {
    context().counters.commands.add();
    ++count_;
    hold().forget();
    if (std::exchange(asked_, false)) {
        features().forget();
    }
    unit().note_sent();
    if (state().reply_mode == command::ReplyMode::skip_this) {
        state().reply_mode = command::ReplyMode::on;
    } else if (state().reply_mode == command::ReplyMode::skip_next) {
        state().reply_mode = command::ReplyMode::skip_this;
    }
}

bool Requests::refuse(const Row& row, const resp::RequestView& request) {
    if (login().must_log_in() && row.handling != Handling::auth && row.handling != Handling::hello &&
        row.handling != Handling::quit && row.handling != Handling::reset) {
        login().refuse_before_login(row, request);
        return true;
    }
    if (const std::string_view refusal = context().refusal(row, request); !refusal.empty()) {
        transaction().deny();
        if (refusal == client_errors::kReadOnly) {
            replies().reply_error(refusal);
        } else {
            context().counters.commands_denied.add();
            replies().reply_error(std::string(refusal) + std::string(request.arg(0).substr(0, 64)));
        }
        return true;
    }
    if (is_large(request.frame()) && has_long_name(row, request)) {
        replies().deny(resp::error(client_errors::kLongName));
        return true;
    }
    if (state().resp2_subscriber()) {
        const std::string refusal = subscriber_mode_refusal(row, request.argc());
        if (!refusal.empty()) {
            replies().reply_error(refusal);
            return true;
        }
    }
    return false;
}

void Requests::refuse_without_leader(const Row& row) {
    context().counters.commands_no_leader.add();
    if (transaction().open()) {
        transaction().deny();
        if (row.handling == Handling::exec || row.handling == Handling::discard) {
            end_transaction();
        }
        if (row.handling == Handling::discard) {
            replies().reply(resp::simple("OK"));  // that nothing of it runs needs no leader
            return;
        }
    }
    replies().reply_error(std::string(client_errors::kNoLeader) + std::string(links().no_leader_reason()));
}

bool Requests::take(std::string_view frame, std::string_view rest) {
    std::string converted;
    if (resp::is_inline(frame)) {
        std::optional<std::string> words = resp::inline_to_multibulk(frame);
        if (!words) {
            intake().protocol_error(resp::Error::unbalanced_quotes);
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
    begin();
    if (listed.handling == Handling::unknown && is_http(request.arg(0))) {
        connection().close(Closed::protocol);  // as redis-server: a browser was lured into talking to us
        return true;
    }
    const Row& row = listed.handling == Handling::unknown ? context().commands.of_server.row_of(request) : listed;
    if (relay().active()) {
        relay().take(row, request);
        return true;
    }
    last_row_ = &row;
    if (links().own()) {
        links().release_own_if_free();
    }
    if (!dispatch(row, request, rest)) {
        unit().abandon();  // a whole transaction is looked for again when its MULTI is taken
        return false;
    }
    end();
    return true;
}

/// Refuses the request, answers it, or sends it on its way. False: it must wait.
bool Requests::dispatch(const Row& row, const resp::RequestView& request, std::string_view rest) {
    if (features().subscriptions() && features().subscriptions()->delays(row)) {
        intake().pause(Wait::drained);
        return false;
    }
    if (context().pause.mode != ClientPause::Mode::none && !login().must_log_in() && pauses(row)) {
        intake().pause(Wait::paused);
        return false;
    }
    if (refuse(row, request)) {
        return true;
    }
    if (row.handling == Handling::multi && request.argc() == 1 && !transaction().active()) {
        if (transaction().watch_broken()) {
            open_broken(false);
            return true;
        }
        look_for_unit(rest);
    }
    const Destination destination = destination_of(row, request);
    switch (destination) {
        case Destination::local:
            return answer_locally(row, request);
        case Destination::feed:
            return features().use_subscriptions().take(row, request);
        case Destination::hold:
            break;
        case Destination::shared:
        case Destination::pinned:
            if (proofs().must_await(row)) {
                return proofs().await(row, request);
            }
            if (links().has_link_for(destination) && !awaits_script(row, request, rest)) {
                return forward(row, request, destination);
            }
            break;
    }
    if (!hold().refusing()) {
        hold().begin();
        return false;
    }
    unit().abandon();
    refuse_unserved(row, request);
    return true;
}

/// It names a script that is still to be loaded, or begins a transaction in one piece that does.
bool Requests::awaits_script(const Row& row, const resp::RequestView& request, std::string_view rest) const {
    const Scripts& scripts = context().scripts;
    if (scripts.all_may_pass()) {
        return false;
    }
    if (unit().left() == 0) {
        return scripts.must_wait(row, request);
    }
    std::size_t at = 0;
    return std::ranges::any_of(context().room.unit, [&](const UnitPart& part) {
        const resp::RequestView each(rest.substr(at, part.size));
        at += part.size;
        return scripts.must_wait(*part.row, each);
    });
}

void Requests::open_broken(bool unserved) {
    transaction().begin_broken(order().next(), unserved);
    replies().reply(resp::simple("OK"));
}

/// The wait is over, and nobody serves the request. What begins a transaction or guards one is not simply refused: what
/// follows would run without it.
void Requests::refuse_unserved(const Row& row, const resp::RequestView& request) {
    if (row.handling == Handling::multi && request.argc() == 1 && !transaction().active()) {
        context().counters.commands_no_leader.add();
        open_broken(true);
        return;
    }
    if (row.handling == Handling::watch) {
        transaction().refuse_watch();
    }
    refuse_without_leader(row);
}

/// A MULTI is at hand: whether all of its transaction is there, and may travel in one piece.
void Requests::look_for_unit(std::string_view rest) {
    if (!links().own() && !links().needs_own() && unit().left() == 0 &&
        context().pause.mode == ClientPause::Mode::none) {
        find_unit(rest, context());
        if (!context().room.unit.empty()) {
            unit().begin(context().room.unit.size(), std::ranges::any_of(context().room.unit, &is_slow));
            transaction().queued().clear();
        }
    }
}

route::Destination Requests::destination_of(const Row& row, const resp::RequestView& request) const {
    const bool blocks = row.handling == Handling::blocking && command::may_block(row, request);
    const Destination destination = route::route(row, blocks, links().route_client(), context().forwarding());
    if (unit().left() > 0) {
        return destination == Destination::pinned ? Destination::shared : destination;
    }
    const bool alone =
        destination == Destination::shared &&
        (is_large(request.frame()) || (context().large_keys.any() && large().has_large_key(row, request)));
    return alone ? Destination::pinned : destination;
}

std::size_t Requests::take_unit(std::string_view rest) {
    upstream::Link& link = links().link_for(false, links().lane_of(*last_row_));
    std::size_t taken = 0;
    for (const UnitPart& part : context().room.unit) {
        begin();
        last_row_ = part.row;
        links().submit(link, *part.row, rest.substr(taken, part.size));
        end();
        taken += part.size;
    }
    return taken;
}

bool Requests::forward(const Row& row, const resp::RequestView& request, Destination destination) {
    if (transaction().open() && !links().own()) {
        intake().pause(Wait::drained);  // its link has just been lost, which is sorted out first
        return false;
    }
    if (row.handling != Handling::plain) {
        if (const std::optional<bool> taken = forward_in_its_way(row, request, destination)) {
            return *taken;
        }
    }
    const bool large = is_large(request.frame());
    upstream::Link& link = links().link_that_carries(row, large, destination);
    if (!order().idle() && (large || !order().is_on(&link))) {
        intake().pause(Wait::drained);
        return false;
    }
    if (row.handling != Handling::plain && !note_forwarded(row, request)) {
        return false;
    }
    if (transaction().phase() == Transaction::Phase::exec_sent && row.handling == Handling::exec &&
        !transaction().queued().own().empty()) {
        return exec().submit(row, request);
    }
    if (row.handling == Handling::blocking && !transaction().active() && command::may_block(row, request)) {
        if (order().idle()) {
            session_.conversation.stream_ids.clear();  // of those that came to nothing
        }
        links().ask_for_ids(link, order().next(), row, request);
    }
    links().submit(link, row, request.frame());
    if (is_awaited(row)) {
        intake().pause(Wait::drained);
    }
    return true;
}

/// What comes behind it is not looked at before its answer: that tells whether the next command is inside a
/// transaction, or in the debugger, or a monitor's.
bool Requests::is_awaited(const Row& row) const noexcept {
    switch (row.handling) {
        case Handling::multi:
            return unit().left() == 0 && !transaction().active();
        case Handling::exec:
        case Handling::discard:
            return unit().left() == 0;
        case Handling::script_debug:
        case Handling::monitor:
            return true;
        default:
            return false;
    }
}

bool Requests::answer_locally(const Row& row, const resp::RequestView& request) {
    std::string out;
    const bool complete = command::arity_fits(row, request.argc());
    const bool aborts = row.handling == Handling::exec;  // with too many words, too
    if (transaction().phase() == Transaction::Phase::broken && (complete || aborts) && answer_broken_transaction(row)) {
        return true;
    }
    if (!complete) {
        replies().deny(resp::error(client_errors::wrong_arity(row)));
        return true;
    }
    switch (row.handling) {
        case Handling::auth:
        case Handling::hello:
        case Handling::select:
            return login().begin(row, request);
        case Handling::ping:  // of a RESP2 subscriber
            if (request.argc() > 2) {
                replies().reply_error(client_errors::wrong_arity(row));
                return true;
            }
            resp::write_array_header(out, 2);
            resp::write_bulk(out, "pong");
            resp::write_bulk(out, request.argc() > 1 ? request.arg(1) : std::string_view());
            replies().reply(std::move(out));
            return true;
        case Handling::quit:
            resp::write_simple(out, "OK");
            replies().reply(std::move(out));
            connection().end(observe::Closed::quit);
            return true;
        case Handling::reset:
            if (!order().idle()) {
                intake().pause(Wait::drained);
                return false;
            }
            if (links().own()) {
                links().own()->taint();
                links().own().reset();
            }
            features().reset();
            notices().forget();
            transaction() = {};
            muted_ = muted_ && state().reply_mode != command::ReplyMode::off;  // SKIP is about this very command
            state().reset();
            login().reset();
            resp::write_simple(out, "RESET");
            replies().reply(std::move(out));
            return true;
        case Handling::client_maintenance:
            notices().answer(request);
            return true;
        default:
            return features().use_commands().answer(row, request);
    }
}

/// A transaction whose leader was lost before its EXEC. False: the command is none of it.
bool Requests::answer_broken_transaction(const Row& row) {
    std::optional<Fate> fate = transaction().answer_broken(row, state().protocol);
    if (!fate) {
        return false;
    }
    if (fate->kind == Fate::Kind::in_doubt) {
        losses().tell_in_doubt(order().open(), client_errors::kInDoubt, muted_);
    } else {
        replies().reply(std::move(fate->bytes));
    }
    if (links().own() && transaction().end_watch()) {  // a WATCH since the loss is over, too
        links().submit_end("UNWATCH");
    }
    return true;
}

/// It ends here without the node's consent, which forgets it, too.
void Requests::end_transaction() {
    transaction().forget();
    if (links().own()) {
        links().submit_end("DISCARD");
    }
}

bool Requests::pauses(const Row& row) const noexcept {
    return session::pauses(context().pause.mode, row, transaction().active() && transaction().queued().writes());
}

}  // namespace portal::session
