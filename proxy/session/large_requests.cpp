#include "session/large_requests.hpp"

#include "session/session.hpp"
#include "session/session_bounds.hpp"

namespace portal::session {

using command::Handling;
using route::Destination;

std::size_t LargeRequests::take_part(std::string_view rest) {
    if (rest_ == Rest::nothing && !begin(rest)) {
        return 0;
    }
    const std::size_t size = intake().scanner().scanned();
    intake().scanner().dropped(size);
    pass_on(rest.substr(0, size), false);
    return size;
}

void LargeRequests::take_last_part(std::string_view bytes) {
    pass_on(bytes, true);
    rest_ = Rest::nothing;
    if (context().notices.draining()) {
        connection().drain();
    }
    if (!order().idle()) {
        intake().pause(Wait::drained);
    }
}

/// Judges a request by its head. False: it is gathered, or must wait.
bool LargeRequests::begin(std::string_view head) {
    if (relay().active() || !shows_that_it_is_large(head.size(), intake().scanner().announced())) {
        return false;
    }
    const resp::RequestView request(head);
    const Row& listed = command::classify(request);
    const Row& row = listed.handling == Handling::unknown ? context().commands.of_server.row_of(request) : listed;
    if (!passes_as_it_comes(row, state().resp2_subscriber())) {
        return false;
    }
    if (context().pause.mode != ClientPause::Mode::none && !login().must_log_in() && requests().pauses(row)) {
        intake().pause(Wait::paused);
        return false;
    }
    requests().begin();
    requests().note_row(row);
    rest_ = Rest::swallowed;
    if (!requests().refuse(row, request) && !begin_stream(row, request)) {
        rest_ = Rest::nothing;
        return false;
    }
    requests().end();
    return true;
}

/// Answers it, or begins to forward it. False: it must wait.
bool LargeRequests::begin_stream(const Row& row, const resp::RequestView& request) {
    const LargeFacts facts{
        .idle = order().idle(),
        .own_owes = links().own() && !links().own()->requests().empty(),
        .has_link = links().has_link_for(Destination::pinned) && !context().scripts.must_wait(row, request),
        .refusing = hold().refusing(),
        .awaits_proof = proofs().must_await(row)};
    switch (next_step(route::route(row, true, links().route_client(), context().forwarding()), facts)) {
        case LargeStep::answer:
            requests().answer_locally(row, request);
            return true;
        case LargeStep::drain:
            intake().pause(Wait::drained);
            return false;
        case LargeStep::await_link:
            intake().pause(Wait::link);
            return false;
        case LargeStep::hold:
            hold().begin();
            return false;
        case LargeStep::refuse:
            requests().refuse_without_leader(row);
            return true;
        case LargeStep::await_proof:
            return proofs().await(row, request);
        case LargeStep::forward:
            break;
    }
    stream(row, request);
    return true;
}

/// Begins to forward a request on a link that carries nothing else.
void LargeRequests::stream(const Row& row, const resp::RequestView& request) {
    rest_ = Rest::forwarded;
    if (row.write) {
        note_large_key(row, request);
    }
    upstream::Link& link = links().lease_fresh(upstream::LinkPool::Before::no_fence);
    transaction().copy().spoil();  // of a transaction that may be open: there will be no copy of this
    if (transaction().active() || unit().left() > 0) {
        transaction().queued().note(row);
    }
    order().note_sent(&link, 0);
    link.stream(links().open_request(row));
}

bool LargeRequests::has_large_key(const Row& row, const resp::RequestView& request) const noexcept {
    const auto key = static_cast<std::size_t>(row.first_key);
    return key > 0 && key < request.argc() && context().large_keys.contains(request.arg(key));
}

void LargeRequests::note_large_key(const Row& row, const resp::RequestView& request) {
    const auto key = static_cast<std::size_t>(row.first_key);
    if (key > 0 && key < request.argc()) {
        context().large_keys.note(request.arg(key), context().turn.now());
    }
}

void LargeRequests::pass_on(std::string_view bytes, bool last) {
    if (rest_ != Rest::forwarded) {
        return;
    }
    // A request that is not whole changes nothing, so a portal that may not forward any more never completes one.
    if (!context().permit.valid(context().turn.now())) {
        links().own()->abandon("the record could not be confirmed in time");
        return;
    }
    const upstream::LinkPtr link(links().own().get());
    link->stream_part(bytes, last);
    if (rest_ == Rest::forwarded && link->requests().unsent() > kUnwritten) {
        intake().pause(Wait::link);
    }
}

void LargeRequests::on_streamed() {
    if (intake().wait() == Wait::link) {
        mark();
    }
}

void LargeRequests::give_up() {
    if (rest_ == Rest::forwarded) {
        rest_ = Rest::broken;
        links().own()->taint();
        links().own().reset();
    }
}

void LargeRequests::swallow_rest() noexcept {
    if (rest_ == Rest::forwarded) {
        rest_ = Rest::swallowed;
    }
}

}  // namespace portal::session
