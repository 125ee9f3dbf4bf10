// The links that carry the requests of one client: the shared one of its user, the one of its own, and how a request is
// handed to them. One shard.
#pragma once

#include "replication/topology.hpp"
#include "route/router.hpp"
#include "session/session_part.hpp"
#include "upstream/link_pool.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace portal::session {

class ClientLinks final : public SessionPart {
  public:
    using SessionPart::SessionPart;

    // --- which there are
    /// The link that serves this client alone; empty: it has none.
    [[nodiscard]] upstream::Lease& own() noexcept { return own_; }
    [[nodiscard]] const upstream::Lease& own() const noexcept { return own_; }
    /// What that link carries; null: there is none.
    [[nodiscard]] Transaction::Link own_state() const noexcept { return own_ ? &own_->carries() : nullptr; }
    /// What the client has begun needs a link of its own.
    [[nodiscard]] bool needs_own() const noexcept;
    /// CLIENT TRACKING is on, and the link on which the node tracked is gone.
    [[nodiscard]] bool must_track_again() const noexcept;
    /// What the router has to know of the client.
    [[nodiscard]] route::Client route_client() const noexcept;
    /// False: none can be had for now, and more of the kind would not help. A link that the client has already is its
    /// own.
    [[nodiscard]] bool has_link_for(route::Destination destination) const;
    /// The link for a request: the client's own one, leased if it has none (`own`), or the one that its requests share
    /// with those of others.
    [[nodiscard]] upstream::Link& link_for(bool own, upstream::Link::Lane lane = upstream::Link::Lane::quick);
    /// The one that they share, whatever the client has begun.
    [[nodiscard]] upstream::Link& shared_link(upstream::Link::Lane lane);
    /// In which lane of shared links the command travels. What follows something slow at once stays behind it, as on a
    /// connection of the client's own.
    [[nodiscard]] upstream::Link::Lane lane_of(const Row& row) const noexcept;
    /// The link for this command; a PUBLISH of a client that listens has its place among the messages.
    [[nodiscard]] upstream::Link& link_that_carries(const Row& row, bool large, route::Destination destination);
    /// The link that carries only logins.
    [[nodiscard]] upstream::Link& login_link();
    /// A shared link that has selected that database.
    [[nodiscard]] upstream::Link& database_link(std::uint32_t database);
    /// The client's own link; if it has none, one that begins with the next request.
    upstream::Link& lease_fresh(upstream::LinkPool::Before before);
    void release_own_if_free();
    /// The node is in a transaction of this client when the client believes to be in one, and not else. Only while
    /// nothing is on its way.
    [[nodiscard]] bool agree() const noexcept;
    /// The node that was asked says that it does not lead, or that it loads its data.
    void doubt_leader(std::string_view answer);
    /// Why there is no leader, or no link, for the client.
    [[nodiscard]] std::string_view no_leader_reason() const noexcept;

    // --- what is sent
    /// The command at hand, as it is counted and known on its link.
    [[nodiscard]] upstream::PendingRequest open_request(const Row& row);
    /// Sends the command at hand, as `frame`; its reply goes to the client.
    bool submit(upstream::Link& link, const Row& row, std::string_view frame);
    /// `effect`: where it is not what the command does on any link.
    bool submit(upstream::Link& link, const Row& row, std::string_view frame, upstream::Effect effect);
    /// Sends a request of the portal's own, whose `replies` the client does not see.
    void submit_own(upstream::Link& link, std::string_view frame, std::int32_t replies);
    /// An XREAD that may wait goes on `link` now, and its reply into `slot`: what `$` means in it is asked for first.
    void ask_for_ids(upstream::Link& link, Slot slot, const Row& row, const resp::RequestView& request);
    /// Sends what ends a state on the client's own link. The node may refuse it, so nothing follows before it is
    /// answered.
    void submit_end(std::string_view name);
    /// WAIT speaks of the writes of this client, which travelled on a shared link. A command before it on the pinned
    /// link makes the node take its present offset, which covers them all. Writes that an earlier leader answered
    /// nobody can confirm now. False: it must wait.
    bool submit_wait(const Row& row, const resp::RequestView& request);
    /// A write is sent under the present leader.
    void note_write() noexcept;

    // --- what others ask
    /// A link that is held already was leased for a command that waits until everything is answered; nothing was sent
    /// on it. See upstream::ReplySink.
    bool adopt(upstream::Lease& lease);
    [[nodiscard]] upstream::Link* own_link();
    /// It waits inside the node.
    [[nodiscard]] bool blocked_at_node() const noexcept;
    /// The node's id of the connection on which this client is blocked at the node; 0 when it is not. The connection is
    /// not used for another client afterwards, so that the id stays this client's.
    [[nodiscard]] std::uint64_t blocked_connection() noexcept;

  private:
    [[nodiscard]] upstream::LinkPool& target() const noexcept;

    upstream::Lease own_;
    upstream::Link::Lane lane_ = upstream::Link::Lane::quick;  // of what was sent last on a shared link
    std::optional<replication::Epoch> write_epoch_;            // under which the last write was sent
};

}  // namespace portal::session
