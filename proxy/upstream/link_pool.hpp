// The links of one shard to the leader: shared ones by (user, protocol, database), pinned ones leased to one session
// each, and one on which nothing but AUTH travels, so that Redis itself judges every login. A shared link on which a
// large reply arrives is replaced, so that others do not wait behind it. One shard; lost links reconnect when asked
// for.
#pragma once

#include "replication/topology.hpp"
#include "upstream/link.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

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
    };

    LinkPool(LinkContext& context, Events events) : context_(context), events_(std::move(events)) {}
    ~LinkPool();
    LinkPool(const LinkPool&) = delete;
    LinkPool& operator=(const LinkPool&) = delete;

    /// Where links go from now on. Links to another node end, and hand back what is pending. Empty: every link ends.
    void set_leader(const std::optional<replication::Node>& leader);
    [[nodiscard]] bool has_leader() const noexcept { return leader_.has_value(); }
    /// There is a leader, and it did not refuse to be connected to a moment ago.
    [[nodiscard]] bool usable() const noexcept { return leader_ && context_.turn.now() >= unusable_until_; }

    /// The node that is routed to says that it does not lead, or that it loads its data: the monitor is told, and
    /// nobody sends it anything for a moment.
    void doubt_leader(std::string_view why);

    /// The shared link for `identity`, made if there is none. One that is not set up yet may still be refused for its
    /// password, so that it serves no session with another. Only with a leader.
    Link& shared(const LinkIdentityView& identity);

    /// A link for `holder` alone, an idle one or a new one. Only with a leader.
    LinkPtr lease(const LinkIdentity& identity, ReplySink& holder);
    /// The same for the portal's own questions, which count as no lease.
    LinkPtr reserve(const LinkIdentity& identity, ReplySink& holder);
    /// Ends a lease. `clean`: the connection holds no state, so the link may serve another session.
    void give_back(LinkPtr link, bool clean);

    /// The link that carries only AUTH. Only with a leader.
    Link& auth_link();

    /// What the leader said of itself, and whether it wants a login; known once a link was set up.
    [[nodiscard]] const ServerHello& hello() const noexcept { return hello_; }
    [[nodiscard]] bool auth_required() const noexcept { return auth_required_; }

    /// Requests on links of the shared kind and the pinned kind that are not answered yet.
    [[nodiscard]] std::size_t in_flight() const noexcept { return context_.in_flight; }
    /// Closes links that served nobody since the last call. Called every few seconds.
    void close_idle();

  private:
    void on_link_ready(Link& link) override;
    void on_link_ended(Link& link, std::string_view why) override;
    void on_large_reply(Link& link) override;
    void on_reply_swallowed(Link& link) override;
    void on_link_empty(Link& link) override;
    LinkPtr make(const LinkIdentity& identity);
    LinkPtr idle_or_new(const LinkIdentity& identity);
    bool keep_idle(const LinkPtr& link);
    struct Retired;
    [[nodiscard]] Retired* find_retired(const Link& link) noexcept;
    Retired* retire(Link& link);
    LinkPtr take_retired(const Link& link);
    void count();

    struct Shared {
        LinkPtr link;
        bool used = true;
    };

    /// Was shared until a large reply came; answers what it still has.
    struct Retired {
        LinkPtr link;
        LinkPtr behind;  // where that reply is asked for again once this copy has been read over
    };

    LinkContext& context_;
    Events events_;
    std::optional<replication::Node> leader_;
    std::vector<Shared> shared_;
    std::vector<LinkPtr> leased_;
    std::vector<Retired> retired_;
    std::vector<LinkPtr> idle_;  // links without state that nobody holds
    LinkPtr auth_link_;
    ServerHello hello_;
    bool auth_required_ = false;
    net::Turn::Clock::time_point unusable_until_{};
    bool closing_ = false;
};

}  // namespace portal::upstream
