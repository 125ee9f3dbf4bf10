// CLIENT TRACKING of one client. The node tracks on the client's own link. Invalidations come there as pushes, or by a
// TrackingRelay for another client. When the link is lost, all that was tracked is invalidated, and tracking is
// switched on again on the next link before anything else travels there. Made at the first CLIENT TRACKING; owned by
// its session, and kept as long as that.
#pragma once

#include "command/command_table.hpp"
#include "command/tracking.hpp"
#include "resp/request_view.hpp"
#include "session/feature_host.hpp"
#include "session/tracking_relay.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace portal::session {

/// What `client` is to hear when `keys` have changed: an array, or null for all of them, as RESP. In RESP2 only a
/// subscriber can be told, by what looks like a message. Empty: nothing.
[[nodiscard]] std::string invalidation_for(const command::SessionState& client, std::string_view keys);

class ClientTracking final : public TrackingRelay::Holder {
  public:
    using Row = command::CommandRow;

    explicit ClientTracking(FeatureHost& host) : host_(host) {}
    ClientTracking(const ClientTracking&) = delete;
    ClientTracking& operator=(const ClientTracking&) = delete;

    // --- CLIENT TRACKING ON|OFF ...
    /// Outside of a transaction. False: must wait, and is asked again.
    bool take(const Row& row, const resp::RequestView& request);
    /// The node's answer to it.
    void note_answer(const resp::RequestView& request, std::string_view bytes);
    /// CLIENT CACHING is sent.
    void note_caching(const resp::RequestView& request);
    /// All is known of the client that the command at hand redirects to.
    [[nodiscard]] bool has_redirect() const noexcept;
    /// The command at hand redirects to `target`: it waits until there is a relay to it, or is answered why there can
    /// be none. True: it was answered.
    bool await_redirect(const Row& row, std::uint64_t target);
    /// The relay that was made for the command at hand; null if there is no such client.
    [[nodiscard]] TrackingRelayPtr take_redirect();
    /// The command at hand is done with: the next one may be about another client.
    void forget() noexcept { redirect_.reset(); }
    /// A command that redirects is on its way; and that it will not be answered.
    [[nodiscard]] bool redirects() const noexcept { return sent_.has_value(); }
    void drop_redirect() noexcept { sent_.reset(); }
    /// `request` as the node understands it; `relay` is null when there is no such client.
    [[nodiscard]] static std::string redirected(const resp::RequestView& request, const TrackingRelay* relay);
    /// `bytes` is the node's answer to `request`; `relay` leads to the client that it redirects to, if it does.
    void accept(const resp::RequestView& request, std::string_view bytes, TrackingRelayPtr relay);
    /// The client is going away, or begins anew.
    void stop();

    // --- what the client is told
    /// What a client is told of redirections speaks of the portal's clients. `bytes` answers GETREDIR or TRACKINGINFO;
    /// `replacement` stays empty if they are right.
    void translate(const Row& row, std::string_view bytes, std::string& replacement) const;
    /// A push.
    [[nodiscard]] std::string translated(std::string_view frame) const;
    /// The client that it redirects to; 0: none.
    [[nodiscard]] std::uint64_t target() const noexcept { return relay_ ? relay_->target() : 0; }
    /// That client is gone.
    [[nodiscard]] bool broken() const noexcept { return relay_ && relay_->broken(); }
    [[nodiscard]] bool broadcasts() const noexcept { return wanted_.broadcasts(); }

    // --- the link that tracks
    /// It is lost, and nothing tells any more what has changed: everything may have.
    void invalidate_all();
    /// Leases a link and switches tracking on there. False: not yet, the relay is not ready.
    bool switch_on_again();
    /// The node's answer to that.
    void note_switched_on(std::string_view bytes);

    // --- the client that it redirects to
    /// The answer to the `question`th question whether there is client `target`.
    void note_target(std::uint32_t question, std::uint64_t target, bool found);
    /// It is gone.
    void on_target_gone(std::uint64_t target);
    void on_relay_ready() override;
    void on_relay_lost(TrackingRelay& relay) override;

  private:
    /// What is known of the client that the command at hand redirects to.
    struct Redirect {
        TrackingRelayPtr relay;  // to it; null if there is no such client
        std::string refusal;     // the node's error frame, if it does not let this user have a relay
    };

    void find_target(std::uint64_t target);

    FeatureHost& host_;
    command::Tracking wanted_;              // what the node has accepted
    TrackingRelayPtr relay_;                // to the client that it redirects to
    std::unique_ptr<Redirect> redirect_;    // of the command at hand; null: not known yet
    std::optional<TrackingRelayPtr> sent_;  // of the command that is on its way; nothing: it does not redirect
    std::uint32_t question_ = 0;            // counts the questions for clients that CLIENT TRACKING names
    bool armed_ = false;                    // the node tracks on the pinned link
    bool caching_yes_ = false;              // CLIENT CACHING YES was used
};

}  // namespace portal::session
