// The links of one shard to the leader: shared ones by (user, protocol, database), leased ones for one sink each, and
// one on which nothing but logins travel, so that Redis itself judges every login. A shared link on which a large reply
// arrives is replaced, so that others do not wait behind it. One shard; lost links reconnect when asked for.
#pragma once

#include "replication/topology.hpp"
#include "upstream/connect_pauses.hpp"
#include "upstream/lease.hpp"
#include "upstream/link.hpp"
#include "upstream/login_watch.hpp"
#include "upstream/shared_links.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/smart_ptr/intrusive_ptr.hpp>

namespace portal::upstream {

class LinkPool final : private LinkOwner {
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
    [[nodiscard]] bool has_leader() const noexcept { return leader_.has_value(); }
    /// There is a leader, and it did not say a moment ago that it is none.
    [[nodiscard]] bool usable() const noexcept { return leader_ && context_.turn.now() >= unusable_until_; }

    /// The node that is routed to says that it does not lead, or that it loads its data: the monitor is told, and
    /// nobody sends it anything for a moment.
    void doubt_leader(std::string_view why);

    /// False while no shared link of this user can be had: connecting has just failed.
    [[nodiscard]] bool may_share(const LinkIdentityView& identity) const {
        return pauses_.empty() || !pauses_.holds(Link::Use::shared, identity.username, context_.turn.now());
    }
    /// False while no lease can be had: there are too many, or connecting has just failed.
    [[nodiscard]] bool may_lease(const LinkIdentityView& identity) const {
        return leases_ < context_.lease_limit && connecting_ < kConnecting &&
               (pauses_.empty() || !pauses_.holds(Link::Use::leased, identity.username, context_.turn.now()));
    }
    /// How many leases there may be at a time.
    void limit_leases(std::size_t most) noexcept { context_.lease_limit = most; }
    /// Why links cannot be had, as far as that is known: what the node said, or what the system said of connecting.
    [[nodiscard]] std::string_view failure() const noexcept;

    /// The shared link for `identity`, made if there is none. One that is not set up yet may still be refused for its
    /// password, so that it serves no session with another. Only with a leader.
    Link& shared(const LinkIdentityView& identity);

    /// What may have been on a leased link before.
    enum class Before : std::uint8_t {
        anything,    // an idle one or a new one
        no_fence,    // nothing of its own, not even a fence, may stand before the first request
        no_request,  // a new one: an idle one may be lost with its node, and nobody has read that yet
    };
    /// A link for `holder` alone. Only with a leader.
    [[nodiscard]] Lease lease(const LinkIdentity& identity, ReplySink& holder, Before before = Before::anything);
    /// A new link for the portal's own questions, which counts as no lease and needs no permit to forward.
    [[nodiscard]] Lease reserve(const LinkIdentity& identity, ReplySink& holder);

    /// The link that carries only logins. Only with a leader.
    Link& auth_link();
    /// Finds out what newcomers must do now. Called several times a second.
    void watch_login();

    /// What the leader said of itself, and whether it wants a login of newcomers; known once a link was set up.
    [[nodiscard]] const ServerHello& hello() const noexcept { return hello_; }
    [[nodiscard]] bool auth_required() const noexcept { return auth_required_; }

    /// Requests on links that are not answered yet, without those that block.
    [[nodiscard]] std::size_t in_flight() const noexcept { return context_.in_flight; }
    /// Links that had no permit to write try again.
    void resume_writing();
    /// Links on which nothing has come behind a script are fenced all the same.
    void fence_quiet();
    /// Closes links that served nobody since the last call. Called every few seconds.
    void close_idle();

  private:
    /// New leases are made so many at a time: a leader that has just been lost is not asked by all of its clients.
    static constexpr std::size_t kConnecting = 32;

    friend class Lease;
    void on_link_ready(Link& link) override;
    void on_link_ended(Link& link, std::string_view why) override;
    void on_large_reply(Link& link) override;
    void on_reply_swallowed(Link& link) override;
    void on_link_empty(Link& link) override;
    LinkPtr make(const LinkIdentity& identity, Link::Use use);
    Lease hold(LinkPtr link, ReplySink& holder);
    void give_back(LinkPtr link) noexcept;
    LinkPtr take_idle(const LinkIdentityView& identity, std::uint64_t user, Before before);
    bool keep_idle(const LinkPtr& link);
    struct Retired;
    [[nodiscard]] Retired* find_retired(const Link& link) noexcept;
    Retired* retire(Link& link);
    LinkPtr take_retired(const Link& link);
    bool forget(Link& link);
    void note_connected(const Link& link) noexcept;
    void set_auth_required(bool required, const Link* knows);
    void drop_anonymous(const Link* knows);
    void take_verdict(LoginWatch::Verdict verdict);
    void count();

    /// Was shared until a large reply came; answers what it still has.
    struct Retired {
        LinkPtr link;
        LinkPtr behind;  // where that reply is asked for again once this copy has been read over
    };

    LinkContext& context_;
    Events events_;
    std::optional<replication::Node> leader_;
    SharedLinks shared_;
    std::unordered_map<const Link*, LinkPtr> held_;  // by leases and reservations
    std::vector<Retired> retired_;
    std::vector<LinkPtr> idle_;  // links without state that nobody holds
    LinkPtr auth_link_;
    LinkPtr made_last_;  // outlives its end, which may come before whoever asked for it has it
    boost::intrusive_ptr<LoginWatch> login_watch_;
    ConnectPauses pauses_;
    std::size_t leases_ = 0;      // of held_, those that count
    std::size_t connecting_ = 0;  // new ones that are not set up yet
    ServerHello hello_;
    bool auth_required_ = false;
    net::Turn::Clock::time_point unusable_until_{}, login_asked_{};
    bool closing_ = false;
};

}  // namespace portal::upstream
