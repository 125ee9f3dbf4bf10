// Requests: what does not simply travel as it is, and what a command begins or ends when it is sent.
#include "conversation/client_errors.hpp"
#include "session/cursor_errand.hpp"
#include "session/requests.hpp"
#include "session/session.hpp"

namespace portal::session {

using command::Handling;
using route::Destination;

/// What goes on with an iteration goes to the process that began it, or nowhere.
std::optional<bool> Requests::forward_cursor(const Row& row, const resp::RequestView& request,
                                             Destination destination) {
    const std::size_t word = cursor_word(request);
    switch (word == 0 ? CursorOrigin::plain : origin_of(request.arg(word), context().cursor_mark)) {
        case CursorOrigin::plain:
            return std::nullopt;
        case CursorOrigin::another:
            if (context().reads_only && !transaction().active()) {
                ask_where_it_began(features().host(), request);
            } else {
                replies().deny(resp::error(client_errors::kCursor));
            }
            return true;
        case CursorOrigin::here:
            break;
    }
    const std::string frame = without_mark(request);
    return forward(row, resp::RequestView(frame), destination);
}

/// The open transaction: the node knows nothing of the command that was denied; with EXEC it would run the others.
bool Requests::must_not_run() {
    if (tokens().queued_is_over(transaction().queued())) {
        transaction().deny();
    }
    return transaction().denied();
}

void Requests::discard_for_exec(const Row& row) {
    transaction().send_discard_for_exec();
    std::string discard;
    resp::write_request(discard, "DISCARD");
    links().submit(*links().own(), row, discard, upstream::Effect::discard);
    intake().pause(Wait::drained);  // it may be refused
}

/// What does not simply travel as it is: whether it was taken. Nothing: it does.
std::optional<bool> Requests::forward_in_its_way(const Row& row, const resp::RequestView& request,
                                                 Destination destination) {
    if (row.handling == Handling::replconf || row.handling == Handling::sync) {
        return relay().ask_for_stream(row, request);
    }
    if (row.handling == Handling::exec && transaction().open() && must_not_run()) {
        discard_for_exec(row);
        return true;
    }
    if (transaction().open() && QueuedCommands::concerns_portal(row.handling)) {
        return exec().queue(row, request);
    }
    if (row.handling == Handling::client_tracking) {
        return features().use_tracking().take(row, request);
    }
    if (row.handling == Handling::cursor) {
        return forward_cursor(row, request, destination);
    }
    if (transaction().active()) {
        return std::nullopt;
    }
    if (row.handling == Handling::wait) {
        return links().submit_wait(row, request);
    }
    if (row.handling == Handling::monitor && state().monitoring && command::arity_fits(row, request.argc())) {
        order().finish(order().open(), {}, output());  // Redis does not answer it either
        return true;
    }
    if (row.handling == Handling::script_debug) {
        if (!order().idle()) {
            intake().pause(Wait::drained);
            return false;
        }
        // The node accepts it only where no reply is still to come, not even to a fence.
        links().lease_fresh(upstream::LinkPool::Before::no_fence);
    }
    if (state().debugging && row.name.starts_with("eval")) {
        return relay().begin_debugger(row, request.frame());
    }
    return std::nullopt;
}

/// The request is about to be sent: what it begins or ends for this client. False: it must wait.
bool Requests::note_forwarded(const Row& row, const resp::RequestView& request) {
    switch (row.handling) {
        case Handling::multi:
            if (transaction().open() && !(links().own() && links().own()->carries().in_transaction())) {
                intake().pause(Wait::drained);  // whether it is nested is known when the one before it is answered
                return false;
            }
            if (unit().left() == 0 && !transaction().active() && request.argc() == 1) {
                transaction().begin(order().next());
            }
            return true;
        case Handling::exec:
            if (transaction().open() && request.argc() == 1) {
                transaction().send_exec();
            }
            return true;
        case Handling::watch:
            state().watched = (transaction().watching() ? state().watched : 0) + request.argc() - 1;
            transaction().send_watch();
            return true;
        case Handling::client_caching:
            if (features().tracking()) {
                features().tracking()->note_caching(request);
            }
            return true;
        default:
            return true;
    }
}

}  // namespace portal::session
