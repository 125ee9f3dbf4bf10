// CLIENT TRACKING ... REDIRECT: the node sends a session's invalidations to a link of the portal's own, and from there
// they go to the client that was named, on whatever shard it is. One shard; held by the session that tracks.
#pragma once

#include "upstream/link_pool.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace portal::session {

struct SessionContext;

class TrackingRelay final : public upstream::ReplySink {
  public:
    /// Who tracks, and is told what becomes of its relay.
    class Holder {
      public:
        virtual void on_relay_ready() = 0;
        /// The link is gone, or the node did not accept its login.
        virtual void on_relay_lost(TrackingRelay& relay) = 0;

      protected:
        ~Holder() = default;
    };

    /// For the tracking of client `source`, to client `target`.
    TrackingRelay(SessionContext& context, Holder& holder, std::uint64_t source, std::uint64_t target)
        : context_(context), holder_(&holder), source_(source), target_(target) {}

    /// Asks for the link. Only with a leader.
    void start(const upstream::LinkIdentity& identity);
    /// The target is gone: the node shall find its connection gone too.
    void break_off();

    [[nodiscard]] std::uint64_t target() const noexcept { return target_; }
    [[nodiscard]] bool ready() const noexcept { return connection_ != 0; }
    /// Its link has gone, and the target had no part in it.
    [[nodiscard]] bool lost() const noexcept { return !link_ && !broken_; }
    [[nodiscard]] bool broken() const noexcept { return broken_; }
    /// The node does not let this user have such a link, and said so with this error frame; empty: it does.
    [[nodiscard]] const std::string& refusal() const noexcept { return refusal_; }
    /// The node's id of the link; kept when it is gone.
    [[nodiscard]] std::uint64_t connection() const noexcept { return connection_; }

    /// Everything that was tracked is to be taken as changed.
    void deliver_flush() { deliver("_\r\n"); }

    bool on_reply(upstream::PendingRequest& request, const resp::ReplyHead& reply, std::string_view command) override;
    void on_lost(upstream::PendingRequest& request, std::string_view command, const upstream::Loss& loss) override;
    void on_refused(upstream::PendingRequest& request, std::string_view command, std::string_view error) override;
    bool take_push(const resp::ReplyHead& frame, const upstream::PendingRequest* front) override;
    void on_pinned_lost() override;

  private:
    friend struct StopRelay;
    /// Gives the link back; the holder hears nothing more.
    void stop() noexcept;
    void deliver(std::string_view keys);
    void lose();

    SessionContext& context_;
    Holder* holder_;
    std::uint64_t source_, target_;
    upstream::Lease link_;
    std::uint64_t connection_ = 0;
    bool broken_ = false;
    std::string refusal_;
};

/// Its owner. A relay that nobody owns is stopped: it calls no holder any more, and its link is given back.
struct StopRelay {
    void operator()(TrackingRelay* relay) const noexcept;
};
using TrackingRelayPtr = std::unique_ptr<TrackingRelay, StopRelay>;
[[nodiscard]] TrackingRelayPtr make_relay(SessionContext& context, TrackingRelay::Holder& holder, std::uint64_t source,
                                          std::uint64_t target);

}  // namespace portal::session
