// Session: requests and replies too large to be gathered are passed on as they come, each on a link that carries
// nothing else meanwhile. Neither side is read faster than the other takes the bytes.
#include "conversation/client_errors.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"

#include <utility>

namespace portal::session {

using command::Handling;
using route::Destination;

namespace {

/// So much of it must be there: the names of command and subcommand are then complete, or longer than any that exist.
constexpr std::size_t kHead = 16 * 1024;

/// Commands of which nothing but the name has to be known. The others are gathered whole, however large.
bool is_merely_forwarded(Handling handling) {
    return handling == Handling::plain || handling == Handling::script || handling == Handling::blocking ||
           handling == Handling::ping || handling == Handling::publish || handling == Handling::unknown;
}

}  // namespace

/// The bytes of a request that is not complete. Returns how many were passed on; the rest is to be gathered.
std::size_t Session::take_part(std::string_view rest) {
    if (large_ == Large::nothing && !begin_large(rest)) {
        return 0;
    }
    const std::size_t size = scanner_.scanned();
    scanner_.dropped(size);
    pass_on(rest.substr(0, size), false);
    return size;
}

void Session::take_last_part(std::string_view bytes) {
    pass_on(bytes, true);
    large_ = Large::nothing;
    if (context_.draining) {
        drain();
    }
    if (!order_.idle()) {
        pause(Wait::drained);
    }
}

/// Judges a request by its head. False: it is gathered, or must wait.
bool Session::begin_large(std::string_view head) {
    if (relaying_ || head.size() < kHead || head.size() + scanner_.announced() < kLargeRequest) {
        return false;
    }
    const resp::RequestView request(head);
    const Row& listed = command::classify(request);
    const Row& row = listed.handling == Handling::unknown ? context_.server_commands.row_of(request) : listed;
    if (!is_merely_forwarded(row.handling) || row.affinity == command::Affinity::local) {
        return false;
    }
    if (row.handling == Handling::ping && state_.resp2_subscriber()) {
        return false;  // the portal answers it
    }
    if (context_.pause.mode != ClientPause::Mode::none && !must_log_in() && pauses(row)) {
        pause(Wait::paused);
        return false;
    }
    begin_request();
    last_row_ = &row;
    large_ = Large::swallowed;
    if (!refuse(row, request) && !begin_stream(row, request)) {
        large_ = Large::nothing;
        return false;
    }
    end_request();
    return true;
}

/// Answers it, or begins to forward it. False: it must wait.
bool Session::begin_stream(const Row& row, const resp::RequestView& request) {
    const Destination destination = route::route(row, true, route_client(), context_.forwarding());
    if (destination == Destination::local) {
        answer_locally(row, request);
        return true;
    }
    if (destination != Destination::hold && !order_.idle()) {
        pause(Wait::drained);
        return false;
    }
    if (destination != Destination::hold && pinned_ && pinned_->pending() > 0) {
        pause(Wait::link);  // for the answer to a fence
        return false;
    }
    if (destination == Destination::hold || !has_link_for(Destination::pinned)) {
        if (!refusing_) {
            hold();
            return false;
        }
        refuse_without_leader(row);
        return true;
    }
    if (must_await_proof(row)) {
        return await_proof(row, request);
    }
    stream(row, request);
    return true;
}

/// Begins to forward a request on a link that carries nothing else.
void Session::stream(const Row& row, const resp::RequestView& request) {
    large_ = Large::forwarded;
    if (row.write) {
        note_large_key(row, request);
    }
    upstream::Link& link = lease_fresh(upstream::LinkPool::Before::no_fence);
    transaction_.spoil_copy();  // of a transaction that may be open: there will be no copy of this
    if (transaction_.active() || unit_.left() > 0) {
        transaction_.queued().note(row);
    }
    order_.note_sent(&link, 0);
    link.stream(open_request(row));
}

/// The value of the command's first key was large lately, so its reply may be.
bool Session::has_large_key(const Row& row, const resp::RequestView& request) const noexcept {
    const auto key = static_cast<std::size_t>(row.first_key);
    return key > 0 && key < request.argc() && context_.large_keys.contains(request.arg(key));
}

void Session::note_large_key(const Row& row, const resp::RequestView& request) {
    const auto key = static_cast<std::size_t>(row.first_key);
    if (key > 0 && key < request.argc()) {
        context_.large_keys.note(request.arg(key), context_.turn.now());
    }
}

void Session::pass_on(std::string_view bytes, bool last) {
    if (large_ != Large::forwarded) {
        return;
    }
    // A request that is not whole changes nothing, so a portal that may not forward any more never completes one.
    if (!context_.permit.valid(context_.turn.now())) {
        pinned_->abandon("the record could not be confirmed in time");
        return;
    }
    const upstream::LinkPtr link(pinned_.get());
    link->stream_part(bytes, last);
    if (large_ == Large::forwarded && link->unsent() > kUnwritten) {
        pause(Wait::link);
    }
}

void Session::on_streamed() {
    if (wait_ == Wait::link) {
        context_.turn.mark(*this);
    }
}

void Session::on_moved(const upstream::Link& link) {
    order_.note_moved(&link);
}

/// A link that is held already was leased for a command that waits until everything is answered; nothing was sent on
/// it.
bool Session::adopt(upstream::Lease& lease) {
    if (closed_) {
        return false;
    }
    pinned_ = std::move(lease);
    return true;
}

upstream::Link* Session::own_link() {
    return closed_ || !has_link_for(Destination::pinned) ? nullptr : &link_for(true);
}

/// The client broke the protocol inside a large request: the node never gets the rest of it.
void Session::give_up_large() {
    if (large_ == Large::forwarded) {
        large_ = Large::broken;
        pinned_->taint();
        pinned_.reset();
    }
}

}  // namespace portal::session
