#include "session/client_tracking.hpp"

#include "resp/reply_view.hpp"
#include "resp/words.hpp"
#include "session/session.hpp"
#include "session/session_registry.hpp"

#include <optional>
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
std::string with_client(std::string_view frame, const resp::ReplyView& id, std::uint64_t connection,
                        std::uint64_t client) {
    if (id.integer() != static_cast<std::int64_t>(connection)) {
        return std::string(frame);
    }
    const std::string_view bytes = id.bytes();
    const auto begin = static_cast<std::size_t>(bytes.data() - frame.data());
    return fmt::format("{}:{}\r\n{}", frame.substr(0, begin), client, frame.substr(begin + bytes.size()));
}

}  // namespace

std::string invalidation_for(const command::SessionState& client, std::string_view keys) {
    std::string frame;
    if (client.protocol == resp::Protocol::resp3) {
        resp::write_push_header(frame, 2, client.protocol);
        resp::write_bulk(frame, "invalidate");
        frame += keys;
    } else if (client.listens) {
        resp::write_array_header(frame, 3);
        resp::write_bulk(frame, "message");
        resp::write_bulk(frame, "__redis__:invalidate");
        if (keys == kNull) {
            resp::write_null(frame, client.protocol);
        } else {
            frame += keys;
        }
    }
    return frame;
}

// ------------------------------------------------------------------------------------------- CLIENT TRACKING

bool ClientTracking::take(const Row& row, const resp::RequestView& request) {
    const auto target = command::arity_fits(row, request.argc()) ? Tracking::redirect_of(request) : std::nullopt;
    if (target && !has_redirect()) {
        return await_redirect(row, *target);
    }
    upstream::Link& link = host_.link_for(true);
    if (!host_.order().may_use(&link)) {
        host_.pause(Wait::drained);
        return false;
    }
    std::string frame(request.frame());
    if (target) {
        sent_ = take_redirect();
        frame = redirected(request, sent_->get());
    }
    host_.submit(link, row, frame);
    host_.pause(Wait::reply);
    return true;
}

std::string ClientTracking::redirected(const resp::RequestView& request, const TrackingRelay* relay) {
    return Tracking::redirected(request, relay != nullptr ? std::to_string(relay->connection()) : kNobody);
}

void ClientTracking::note_answer(const resp::RequestView& request, std::string_view bytes) {
    host_.end_reply_wait();
    std::optional<TrackingRelayPtr> relay = std::exchange(sent_, std::nullopt);
    accept(request, bytes, relay ? std::move(*relay) : nullptr);
}

void ClientTracking::accept(const resp::RequestView& request, std::string_view bytes, TrackingRelayPtr relay) {
    if (!bytes.starts_with("+OK")) {
        return;
    }
    if (!Tracking::turns_on(request)) {
        stop();
        return;
    }
    host_.state().tracking = true;
    wanted_.accept(request);
    relay_ = std::move(relay);
    armed_ = true;
}

void ClientTracking::stop() {
    relay_.reset();
    redirect_.reset();
    sent_.reset();
    wanted_ = {};
    host_.state().tracking = armed_ = caching_yes_ = false;
}

void ClientTracking::note_caching(const resp::RequestView& request) {
    caching_yes_ =
        caching_yes_ || (host_.state().tracking && request.argc() > 2 && resp::is_word(request.arg(2), "yes"));
}

// ------------------------------------------------------------------------------------------- the other client

TrackingRelayPtr ClientTracking::take_redirect() {
    const std::unique_ptr<Redirect> redirect = std::exchange(redirect_, nullptr);
    return redirect ? std::move(redirect->relay) : nullptr;
}

bool ClientTracking::has_redirect() const noexcept {
    return redirect_ && redirect_->refusal.empty() && (!redirect_->relay || redirect_->relay->ready());
}

bool ClientTracking::await_redirect(const Row& row, std::uint64_t target) {
    if (redirect_ && redirect_->relay) {
        host_.pause(Wait::reply);  // its link is being made
        return false;
    }
    if (redirect_) {
        host_.deny(std::exchange(redirect_, nullptr)->refusal);
        return true;
    }
    if (host_.refusing()) {
        host_.refuse_without_leader(row);
        return true;
    }
    find_target(target);
    return false;
}

/// Whether there is such a client; if so, makes a relay to it. The request is taken again when all is known.
void ClientTracking::find_target(std::uint64_t target) {
    const auto look = [target](SessionContext& context) { return context.registry.find(target) != nullptr; };
    const auto done = [id = host_.id(), target, question = ++question_](SessionContext& context, bool& found) {
        if (ClientTracking* tracking = context.registry.tracking(id)) {
            tracking->note_target(question, target, found);
        }
    };
    host_.note_asked();
    host_.pause(Wait::reply);
    SessionContext& context = host_.context();
    context.peers.ask<bool>(static_cast<std::uint32_t>(target % context.peers.shards()), context.shard, look, done);
}

void ClientTracking::note_target(std::uint32_t question, std::uint64_t target, bool found) {
    if (host_.wait() != Wait::reply || question_ != question) {
        return;  // the client has gone on, or has asked again
    }
    if (!host_.context().forwarding()) {
        on_relay_ready();  // asks again, when there is a leader
        return;
    }
    redirect_ = std::make_unique<Redirect>();
    if (!found) {
        on_relay_ready();
        return;
    }
    // A link of the client's own is wanted, too: two that each have one and wait for the other would wait for long.
    if (!host_.context().links.may_lease(host_.identity(), host_.own_link() != nullptr ? 1 : 2)) {
        redirect_.reset();
        host_.wait_for_leader();  // or until a link can be had
        return;
    }
    redirect_->relay = make_relay(host_.context(), *this, host_.id(), target);
    redirect_->relay->start(host_.identity());
}

void ClientTracking::on_target_gone(std::uint64_t target) {
    if (host_.closed() || !relay_ || relay_->target() != target || relay_->broken()) {
        return;
    }
    relay_->break_off();
    if (host_.state().protocol == resp::Protocol::resp3) {
        std::string frame;
        resp::write_push_header(frame, 2, resp::Protocol::resp3);
        resp::write_bulk(frame, kBroken);
        resp::write_integer(frame, static_cast<std::int64_t>(target));
        host_.send_push(frame);
    }
}

/// The relay for the request at hand, or for tracking that is switched on again, can be used; or all is to be tried
/// again.
void ClientTracking::on_relay_ready() {
    if (host_.wait() == Wait::leader) {
        host_.retry();
    } else {
        host_.end_reply_wait();
    }
    host_.mark();
}

void ClientTracking::on_relay_lost(TrackingRelay& relay) {
    if (host_.closed()) {
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
        if (host_.wait() == Wait::reply) {
            host_.wait_for_leader();
        }
    } else if ((relay_.get() == &relay || (sent_ && sent_->get() == &relay)) && host_.own_link() != nullptr) {
        host_.own_link()->end("its invalidations cannot be delivered any more");
    }
}

// ------------------------------------------------------------------------------------------- what the client is told

void ClientTracking::translate(const Row& row, std::string_view bytes, std::string& replacement) const {
    if (relay_) {
        const auto answer = resp::ReplyView::whole(bytes);
        replacement =
            with_client(bytes, row.handling == Handling::client_getredir ? answer : answer.value_of("redirect"),
                        relay_->connection(), relay_->target());
    }
}

std::string ClientTracking::translated(std::string_view frame) const {
    if (!relay_ || !frame.starts_with('>')) {
        return std::string(frame);
    }
    auto parts = resp::ReplyView::whole(frame).elements();
    const bool broken = parts.next().text() == kBroken;
    return with_client(frame, broken ? parts.next() : resp::ReplyView(), relay_->connection(), relay_->target());
}

// ------------------------------------------------------------------------------------------- a lost link

void ClientTracking::invalidate_all() {
    if (!std::exchange(armed_, false)) {
        return;
    }
    if (!relay_) {
        if (host_.state().protocol == resp::Protocol::resp3) {
            host_.send_push(invalidation_for(host_.state(), kNull));
        }
    } else if (relay_->broken()) {
        stop();  // nobody hears of it, as with Redis
    } else {
        relay_->deliver_flush();
    }
}

bool ClientTracking::switch_on_again() {
    if (broken()) {
        stop();  // nobody would hear of it
        return true;
    }
    if (relay_ && !relay_->refusal().empty()) {  // what one leader allowed, the next does not
        host_.cut_off(Closed::backend);
        return false;
    }
    if (!host_.context().links.may_lease(host_.identity())) {
        return false;
    }
    if (relay_ && relay_->lost()) {
        relay_ = make_relay(host_.context(), *this, host_.id(), relay_->target());
        relay_->start(host_.identity());
    }
    if (relay_ && !relay_->ready()) {
        return false;
    }
    std::optional<std::uint64_t> connection;
    if (relay_) {
        connection = relay_->connection();
    }
    upstream::Link& link = host_.fresh_link();
    host_.submit_own(link, wanted_.request(connection), 1);
    if (caching_yes_) {
        // It may have been meant for a command that has not been answered. Too much tracked does no harm.
        std::string caching;
        resp::write_request(caching, "CLIENT", "CACHING", "YES");
        host_.submit_own(link, caching, 1);
    }
    return true;
}

void ClientTracking::note_switched_on(std::string_view bytes) {
    armed_ = bytes.starts_with("+OK");
    if (!armed_) {  // what one leader allowed, the next does not
        host_.cut_off(Closed::backend);
    }
}

}  // namespace portal::session
