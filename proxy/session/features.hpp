// The features that one client uses: subscriptions, tracking, the CLIENT command. Each is made when the client uses it
// first. One shard.
#pragma once

#include "session/client_commands.hpp"
#include "session/client_subscriptions.hpp"
#include "session/client_tracking.hpp"
#include "session/feature_desk.hpp"

#include <memory>

namespace portal::session {

class Features {
  public:
    explicit Features(Session& session) : desk_(session) {}

    // --- null when the client has never used it
    [[nodiscard]] ClientSubscriptions* subscriptions() const noexcept { return subscriptions_.get(); }
    [[nodiscard]] ClientTracking* tracking() const noexcept { return tracking_.get(); }
    // --- made if there is none
    ClientSubscriptions& use_subscriptions() { return use(subscriptions_); }
    ClientTracking& use_tracking() { return use(tracking_); }
    ClientCommands& use_commands() { return use(commands_); }
    /// What they ask of the session.
    [[nodiscard]] FeatureHost& host() noexcept { return desk_; }
    /// The command at hand is done with, in whatever way. What was asked for it says nothing of the next one, nor of
    /// whoever sends that.
    void forget();
    /// The client begins anew: no subscription is left, nor the name of one. It tracks nothing.
    void reset();
    /// The client goes away: nothing more comes for it.
    void leave();

  private:
    template <typename Feature>
    Feature& use(std::unique_ptr<Feature>& feature) {
        if (!feature) {
            feature = std::make_unique<Feature>(desk_);
        }
        return *feature;
    }

    FeatureDesk desk_;
    std::unique_ptr<ClientSubscriptions> subscriptions_;
    std::unique_ptr<ClientTracking> tracking_;
    std::unique_ptr<ClientCommands> commands_;
};

}  // namespace portal::session
