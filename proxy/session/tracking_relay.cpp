#include "session/tracking_relay.hpp"

#include "resp/reply_view.hpp"
#include "resp/reply_writer.hpp"
#include "session/session.hpp"
#include "session/session_registry.hpp"

#include <string>
#include <utility>

namespace portal::session {

/// The link speaks RESP3, so that invalidations are pushes. A PING tells when it is set up and has an id.
void TrackingRelay::start(const upstream::LinkIdentity& identity) {
    upstream::LinkIdentity own = identity;
    own.protocol = resp::Protocol::resp3;
    own.database = 0;
    link_ = context_.links.lease(own, *this, upstream::LinkPool::Before::no_request);
    link_->taint();  // the node may send invalidations there at any time
    std::string ping;
    resp::write_request(ping, "PING");
    upstream::PendingRequest pending;
    pending.sink = upstream::ReplySinkPtr(this);
    link_->submit(ping, std::move(pending));
}

void TrackingRelay::stop() noexcept {
    holder_ = nullptr;
    link_.reset();
}

void StopRelay::operator()(TrackingRelay* relay) const noexcept {
    relay->stop();
    intrusive_ptr_release(relay);
}

/// Its requests on links keep it, too, so the owner counts as one of several.
TrackingRelayPtr make_relay(SessionContext& context, TrackingRelay::Holder& holder, std::uint64_t source,
                            std::uint64_t target) {
    const upstream::ReplySinkPtr made(new TrackingRelay(context, holder, source, target));
    intrusive_ptr_add_ref(made.get());
    return TrackingRelayPtr(static_cast<TrackingRelay*>(made.get()));
}

void TrackingRelay::break_off() {
    broken_ = true;
    stop();
}

bool TrackingRelay::on_reply(upstream::PendingRequest& /*request*/, const resp::ReplyHead& /*reply*/,
                             std::string_view /*command*/) {
    if (holder_ != nullptr && link_) {
        connection_ = link_->setup().connection_id();
        holder_->on_relay_ready();
    }
    return true;
}

void TrackingRelay::on_lost(upstream::PendingRequest& /*request*/, std::string_view /*command*/,
                            const upstream::Loss& /*loss*/) {
    // on_pinned_lost follows.
}

void TrackingRelay::on_refused(upstream::PendingRequest& /*request*/, std::string_view /*command*/,
                               std::string_view error) {
    refusal_ = error;  // on_pinned_lost follows
}

void TrackingRelay::on_pinned_lost() {
    lose();
}

void TrackingRelay::lose() {
    link_.reset();
    if (holder_ != nullptr) {
        const upstream::ReplySinkPtr alive(this);
        std::exchange(holder_, nullptr)->on_relay_lost(*this);
    }
}

bool TrackingRelay::take_push(const resp::ReplyHead& frame, const upstream::PendingRequest* /*front*/) {
    if (!frame.is_push()) {
        return false;
    }
    auto parts = resp::ReplyView::whole(frame.bytes()).elements();
    if (parts.left() == 2 && parts.next().text() == "invalidate") {
        deliver(parts.next().bytes());
    }
    return true;
}

void TrackingRelay::deliver(std::string_view keys) {
    ShardPeers& peers = context_.peers;
    const auto found = [source = source_, target = target_, keys = std::string(keys), home = context_.shard,
                        &peers](SessionContext& context) {
        if (Session* session = context.registry.find(target)) {
            session->sender.send_invalidation(keys);
            return;
        }
        peers.post(home, [source, target](SessionContext& back) {
            if (ClientTracking* tracking = back.registry.tracking(source)) {
                tracking->on_target_gone(target);
            }
        });
    };
    peers.post(static_cast<std::uint32_t>(target_ % peers.shards()), found);
}

}  // namespace portal::session
