// The links of one shard to the leader: shared ones by (user, protocol, database), leased ones for one sink each, and
// one on which nothing but logins travel, so that Redis itself judges every login. A shared link on which a large reply
// arrives is replaced, so that others do not wait behind it. One shard; lost links reconnect when asked for.
#pragma once

#include "replication/topology.hpp"
#include "upstream/connect_pauses.hpp"
#include "upstream/doubtful_links.hpp"
#include "upstream/idle_links.hpp"
#include "upstream/large_replies.hpp"
#include "upstream/lease.hpp"
#include "upstream/leases.hpp"
#include "upstream/link.hpp"
#include "upstream/login_lane.hpp"
#include "upstream/shared_links.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portal::upstream {

class LinkPool final : private LinkOwner, private LargeReplies::Places {
  public:
    struct Events {
        /// A link failed; evidence for the monitor.
        std::function<void(const replication::Node&, std::string_view why)> trouble;
        /// A link to the leader became ready: whoever waits may try again.
        std::function<void()> ready;
        /// The node accepts this user with this password no more.
        std::function<void(const LinkIdentity&)> login_refused;
        /// The leader has closed a link of this user, as it does when it deletes a user.
        std::function<void(const LinkIdentity&)> dropped;
        /// Newcomers must log in from now on.
        std::function<void()> login_required;
    };

    LinkPool(LinkContext& context, Events events);
    ~LinkPool();
    LinkPool(const LinkPool&) = delete;
    LinkPool& operator=(const LinkPool&) = delete;

    /// Where links go from now on. Links to another node end, and hand back what is pending. Empty: every link ends.
    void set_leader(const std::optional<replication::Node>& leader);
    /// Which process the leader is; empty: that is not known. Links to another one end. Only with a leader.
    void expect_process(const std::string& run_id);
    [[nodiscard]] bool has_leader() const noexcept { return leader_.has_value(); }
    /// set_leader() is ending the links to the leader before.
    [[nodiscard]] bool leader_goes() const noexcept { return context_.leader_goes; }
    /// There is a leader, and it did not say a moment ago that it is none.
    [[nodiscard]] bool usable() const noexcept { return leader_ && context_.turn.now() >= unusable_until_; }

    /// The node that is routed to says that it does not lead, or that it loads its data: the monitor is told, and
    /// nobody sends it anything for a moment.
    void doubt_leader(std::string_view why);

    /// False while no shared link of this user can be had: connecting has just failed.
    [[nodiscard]] bool may_share(const LinkIdentityView& identity) const {
        return pauses_.empty() || !pauses_.holds(Link::Use::shared, identity.username, context_.turn.now());
    }
    /// False while so many leases cannot be had: there are too many, or connecting has just failed.
    [[nodiscard]] bool may_lease(const LinkIdentityView& identity, std::size_t count = 1) const {
        return leases_.have_room(count, context_.lease_limit) && leases_.may_connect() &&
               (pauses_.empty() || !pauses_.holds(Link::Use::leased, identity.username, context_.turn.now()));
    }
    /// Why links cannot be had, as far as that is known: what the node said, or what the system said of connecting.
    [[nodiscard]] std::string_view failure() const noexcept;

    /// The shared link for `identity`, made if there is none. One that is not set up yet may still be refused for its
    /// password, so that it serves no session with another. Only with a leader.
    Link& shared(const LinkIdentityView& identity, Link::Lane lane) {
        Link* found = shared_.find(identity, lane);
        return found != nullptr ? *found : make_shared(identity, lane);
    }

    using Before = IdleLinks::Before;
    /// A link for `holder` alone. Only with a leader.
    [[nodiscard]] Lease lease(const LinkIdentity& identity, ReplySink& holder, Before before = Before::anything);
    /// A new link for the portal's own questions, which counts as no lease and needs no permit to forward.
    [[nodiscard]] Lease reserve(const LinkIdentity& identity, ReplySink& holder);

    /// The link that carries only logins. Only with a leader.
    Link& auth_link() { return logins_.link(); }
    /// Finds out what newcomers must do now. Called several times a second.
    void watch_login();

    /// What the leader said of itself, and whether it wants a login of newcomers; known once a link was set up.
    [[nodiscard]] const ServerHello& hello() const noexcept { return logins_.hello(); }
    [[nodiscard]] bool auth_required() const noexcept { return logins_.required(); }

    /// Requests on links that are not answered yet, without those that block.
    [[nodiscard]] std::size_t in_flight() const noexcept { return context_.in_flight; }
    /// Links that had no permit to write try again.
    void resume_writing();
    /// Links on which nothing has come behind a script are fenced all the same.
    void fence_quiet();
    /// Who comes anew to the slow lane does not wait behind what has been at the node for long.
    void leave_slow();
    /// Closes links that served nobody since the last call. Called every few seconds.
    void close_idle();

  private:
    friend class Lease;
    void on_link_ready(Link& link) override;
    void on_link_doubtful(Link& link) override;
    void on_link_ended(Link& link, std::string_view why) override;
    void on_large_reply(Link& link) override;
    void on_reply_swallowed(Link& link) override;
    void on_link_empty(Link& link) override;
    Link& replacement(const Link& link) override { return shared(link.identity(), link.lane()); }
    Lease lease_of(LinkPtr link, ReplySink& holder) override;
    Link& make_shared(const LinkIdentityView& identity, Link::Lane lane);
    LinkPtr make(const LinkIdentity& identity, Link::Use use);
    Lease hold(LinkPtr link, ReplySink& holder);
    void give_back(LinkPtr link) noexcept;
    void end_all(std::string_view why);
    bool keep_idle(const LinkPtr& link);
    bool forget(Link& link);
    void set_auth_required(bool required, const Link* knows);
    void drop_anonymous(const Link* knows);
    void count();

    LinkContext& context_;
    Events events_;
    std::optional<replication::Node> leader_;
    SharedLinks shared_;
    Leases leases_;
    LargeReplies large_replies_;
    IdleLinks idle_;
    LoginLane logins_;
    LinkPtr made_last_;  // outlives its end, which may come before whoever asked for it has it
    DoubtfulLinks doubtful_;
    ConnectPauses pauses_;
    net::Turn::Clock::time_point unusable_until_{};
    bool closing_ = false;
};

}  // namespace portal::upstream
