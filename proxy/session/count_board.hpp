// What one shard knows of subscribers that its node does not count: its own, those of the portal's other shards, and
// those of other portals. Puts them to what the node answers to PUBLISH and PUBSUB. One shard; tells the others by
// posting.
#pragma once

#include "command/command_table.hpp"
#include "net/turn.hpp"
#include "resp/request_view.hpp"
#include "session/count_message.hpp"
#include "session/shard_peers.hpp"
#include "upstream/subscriber_counts.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace portal::session {

/// The shard channel by which portals tell each other. A shard channel, so that no pattern of a client hears it.
inline constexpr std::string_view kCountChannel = "__redis-portal__:subscribers";

class CountBoard final : public upstream::SurplusWatch, public net::Flushable {
  public:
    CountBoard(net::Turn& turn, ShardPeers& peers, std::uint32_t shard) : turn_(turn), peers_(peers), shard_(shard) {}

    /// The node to which links go from now on; those to another one are gone.
    void use_node(const std::string& name) { node_ = name; }
    /// Told of each name whose number of subscribers at this portal has changed.
    void set_told(std::function<void(const std::string& name)> told) { told_ = std::move(told); }

    /// `bytes` answers `request`: what the client is to get instead; empty: those.
    [[nodiscard]] std::string correct(const command::CommandRow& row, const resp::RequestView& request,
                                      std::string_view bytes);
    /// A client of this portal has asked for a count, or shares a name with another: what other portals have matters.
    [[nodiscard]] bool used() const noexcept { return used_; }
    void note_used();

    void on_surplus(upstream::SubscriptionKind kind, std::string_view name, std::int64_t change) override;
    /// Tells the other shards what has changed here in this turn.
    void flush() override;

    /// What `shard` has now.
    void take(std::uint32_t shard, const std::vector<CountChange>& changes);
    /// What another portal has; `whole`: and nothing else.
    void take_from(const PortalId& portal, bool whole, const std::vector<CountChange>& changes);
    /// True: it had something.
    bool drop(const PortalId& portal);

    /// Of all shards of this portal.
    [[nodiscard]] const upstream::SubscriberCounts& here() const noexcept { return here_; }

  private:
    [[nodiscard]] std::uint64_t surplus(upstream::SubscriptionKind kind, std::string_view name) const;
    [[nodiscard]] std::string with_surplus(upstream::SubscriptionKind kind, std::string_view bytes) const;

    net::Turn& turn_;
    ShardPeers& peers_;
    const std::uint32_t shard_;
    std::string node_;
    upstream::SubscriberCounts here_;       // by shard
    upstream::SubscriberCounts elsewhere_;  // by portal
    std::unordered_set<std::string> changed_;
    bool used_ = false;
    std::function<void(const std::string& name)> told_;
};

}  // namespace portal::session
