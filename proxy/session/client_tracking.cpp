// Session: CLIENT TRACKING. The node tracks on the session's pinned link. Invalidations come there as pushes, or by a
// TrackingRelay for another client. When the link is lost, all that was tracked is invalidated, and tracking is
// switched on again on the next link before anything else travels there.
#include "conversation/client_errors.hpp"
#include "resp/reply_view.hpp"
#include "session/session.hpp"
#include "session/session_registry.hpp"

#include <utility>

#include <fmt/format.h>

namespace portal::session {

using command::Handling;
using command::Tracking;
using observe::Closed;

namespace {

constexpr std::string_view kNull = "_\r\n";
constexpr std::string_view kBroken = "tracking-redir-broken";
/// A client that no node has: what it says of that is what the client is to hear.
constexpr std::string_view kNobody = "9223372036854775807";

/// `frame` with `id`, a part of it, turned from `connection`, which is the node's, into `client`.
std::string translated(std::string_view frame, const resp::ReplyView& id, std::uint64_t connection,
                       std::uint64_t client) {
    if (id.integer() != static_cast<std::int64_t>(connection)) {
        return std::string(frame);
    }
    const std::string_view bytes = id.bytes();
    const auto begin = static_cast<std::size_t>(bytes.data() - frame.data());
    return fmt::format("{}:{}\r\n{}", frame.substr(0, begin), client, frame.substr(begin + bytes.size()));
}

}  // namespace

/// CLIENT TRACKING ON|OFF ... False: must wait, and is asked again.
bool Session::forward_tracking(const Row& row, const resp::RequestView& request) {
    const auto target = command::arity_fits(row, request.argc()) ? Tracking::redirect_of(request) : std::nullopt;
    if (target && !has_redirect()) {
        return await_redirect(row, *target);
    }
    upstream::Link& link = link_for(true);
    if (!order_.may_use(&link)) {
        pause(Wait::drained);
        return false;
    }
    std::string frame(request.frame());
    if (target) {
        frame = redirected(request, redirect_->relay.get());
    }
    submit(link, row, frame);
    pause(Wait::reply);
    return true;
}

/// `request` as the node understands it; `relay` is null when there is no such client.
std::string Session::redirected(const resp::RequestView& request, const TrackingRelay* relay) {
    return Tracking::redirected(request, relay != nullptr ? std::to_string(relay->connection()) : kNobody);
}

/// Whether there is such a client; if so, makes a relay to it. The request is taken again when all is known.
void Session::find_target(std::uint64_t target) {
    const auto look = [target](SessionContext& context) { return context.registry.find(target) != nullptr; };
    const auto done = [id = origin_.id, target, question = ++target_question_](SessionContext& context, bool& found) {
        Session* session = context.registry.find(id);
        if (session == nullptr || session->wait_ != Wait::reply || session->target_question_ != question) {
            return;  // it has gone on, or has asked again
        }
        if (!context.forwarding()) {
            session->on_relay_ready();  // asks again, when there is a leader
            return;
        }
        session->redirect_ = std::make_unique<Redirect>();
        if (!found) {
            session->on_relay_ready();
            return;
        }
        session->redirect_->relay = make_relay(context, *session, id, target);
        session->redirect_->relay->start(session->identity());
    };
    pause(Wait::reply);
    context_.peers.ask<bool>(static_cast<std::uint32_t>(target % context_.peers.shards()), context_.shard, look, done);
}

void Session::note_tracking(std::string_view bytes, std::string_view command) {
    if (wait_ == Wait::reply) {
        wait_ = Wait::drained;
    }
    accept_tracking(resp::RequestView(command), bytes, take_redirect());
}

/// The relay that was made for the request at hand; null if there is no such client.
TrackingRelayPtr Session::take_redirect() {
    const std::unique_ptr<Redirect> redirect = std::exchange(redirect_, nullptr);
    return redirect ? std::move(redirect->relay) : nullptr;
}

/// All is known of the client that the command at hand names.
bool Session::has_redirect() const noexcept {
    return redirect_ && redirect_->refusal.empty() && (!redirect_->relay || redirect_->relay->ready());
}

/// The command names a client: it waits until there is a relay to it, or is answered why there can be none. True: it
/// was answered.
bool Session::await_redirect(const Row& row, std::uint64_t target) {
    if (redirect_ && redirect_->relay) {
        pause(Wait::reply);  // its link is being made
        return false;
    }
    if (redirect_) {
        const std::string refusal = std::exchange(redirect_, nullptr)->refusal;
        transaction_.deny();
        reply(refusal);
        return true;
    }
    if (refusing_) {
        refuse_without_leader(row);
        return true;
    }
    find_target(target);
    return false;
}

/// `bytes` is the node's answer to `request`; `relay` leads to the client that it redirects to, if it does.
void Session::accept_tracking(const resp::RequestView& request, std::string_view bytes, TrackingRelayPtr relay) {
    if (!bytes.starts_with("+OK")) {
        return;
    }
    relay_.reset();
    state_.tracking = Tracking::turns_on(request);
    if (!state_.tracking) {
        stop_tracking();
        return;
    }
    if (!tracking_) {
        tracking_ = std::make_unique<Tracking>();
    }
    tracking_->accept(request);
    relay_ = std::move(relay);
    tracking_armed_ = true;
}

/// What a client is told of redirections speaks of the portal's clients: GETREDIR, TRACKINGINFO, and pushes.
void Session::translate_redirect(const Row& row, std::string_view bytes, std::string& replacement) const {
    if (relay_) {
        const auto answer = resp::ReplyView::whole(bytes);
        replacement =
            translated(bytes, row.handling == Handling::client_getredir ? answer : answer.value_of("redirect"),
                       relay_->connection(), relay_->target());
    }
}

std::string Session::translated_push(std::string_view frame) const {
    if (!relay_ || !frame.starts_with('>')) {
        return std::string(frame);
    }
    auto parts = resp::ReplyView::whole(frame).elements();
    const bool broken = parts.next().text() == kBroken;
    return translated(frame, broken ? parts.next() : resp::ReplyView(), relay_->connection(), relay_->target());
}

void Session::stop_tracking() {
    relay_.reset();
    redirect_.reset();
    tracking_.reset();
    state_.tracking = tracking_armed_ = caching_yes_ = false;
}

// ------------------------------------------------------------------------------------------- the other client

/// For the client that was named: `keys` as RESP, an array or null. In RESP2 only a subscriber can be told, by what
/// looks like a message.
void Session::take_invalidation(std::string_view keys) {
    if (closed_ || cut_off_) {
        return;
    }
    std::string frame;
    if (state_.protocol == resp::Protocol::resp3) {
        resp::write_push_header(frame, 2, state_.protocol);
        resp::write_bulk(frame, "invalidate");
        frame += keys;
    } else if (state_.listens) {
        resp::write_array_header(frame, 3);
        resp::write_bulk(frame, "message");
        resp::write_bulk(frame, "__redis__:invalidate");
        if (keys == kNull) {
            resp::write_null(frame, state_.protocol);
        } else {
            frame += keys;
        }
    }
    send_push(frame);
}

/// Client `target`, which got this one's invalidations, is gone.
void Session::on_redirect_broken(std::uint64_t target) {
    if (closed_ || !relay_ || relay_->target() != target || relay_->broken()) {
        return;
    }
    relay_->break_off();
    if (state_.protocol == resp::Protocol::resp3) {
        std::string frame;
        resp::write_push_header(frame, 2, state_.protocol);
        resp::write_bulk(frame, kBroken);
        resp::write_integer(frame, static_cast<std::int64_t>(target));
        send_push(frame);
    }
}

/// The relay for the request at hand, or for tracking that is switched on again, can be used; or all is to be tried
/// again.
void Session::on_relay_ready() {
    if (wait_ == Wait::leader) {
        retry();
    } else if (wait_ == Wait::reply) {
        wait_ = Wait::drained;
    }
    context_.turn.mark(*this);
}

void Session::on_relay_lost(TrackingRelay& relay) {
    if (closed_) {
        return;
    }
    if (redirect_ && redirect_->relay.get() == &relay) {
        redirect_->refusal = relay.refusal();
        redirect_->relay.reset();
        if (!redirect_->refusal.empty()) {
            on_relay_ready();
            return;
        }
        redirect_.reset();  // tried again a little later
        if (wait_ == Wait::reply) {
            hold();
        }
    } else if (relay_.get() == &relay && pinned_) {
        pinned_->end("its invalidations cannot be delivered any more");
    }
}

// ------------------------------------------------------------------------------------------- a lost link

/// Nothing tells any more what has changed: everything may have.
void Session::flush_tracked() {
    if (!std::exchange(tracking_armed_, false)) {
        return;
    }
    if (!relay_) {
        if (state_.protocol == resp::Protocol::resp3) {
            take_invalidation(kNull);
        }
    } else if (relay_->broken()) {
        stop_tracking();  // nobody hears of it, as with Redis
    } else {
        relay_->deliver_flush();
    }
}

bool Session::must_track_again() const noexcept {
    return state_.tracking && !pinned_;
}

/// Leases a link and switches tracking on there. False: not yet, the relay is not ready.
bool Session::track_again() {
    if (relay_ && relay_->broken()) {
        stop_tracking();  // nobody would hear of it
        return true;
    }
    if (relay_ && !relay_->refusal().empty()) {  // what one leader allowed, the next does not
        ending_ = Closed::backend;
        cut_off_ = true;
        context_.turn.mark(*this);
        return false;
    }
    if (relay_ && relay_->lost()) {
        relay_ = make_relay(context_, *this, origin_.id, relay_->target());
        relay_->start(identity());
    }
    if (relay_ && !relay_->ready()) {
        return false;
    }
    std::optional<std::uint64_t> connection;
    if (relay_) {
        connection = relay_->connection();
    }
    using Before = upstream::LinkPool::Before;
    upstream::Link& link = lease_fresh(recovery_.empty() ? Before::anything : Before::no_request);  // see resend()
    submit_own(link, tracking_->request(connection), 1);
    if (caching_yes_) {
        // It may have been meant for a command that has not been answered. Too much tracked does no harm.
        std::string caching;
        resp::write_request(caching, "CLIENT", "CACHING", "YES");
        submit_own(link, caching, 1);
    }
    return true;
}

}  // namespace portal::session
