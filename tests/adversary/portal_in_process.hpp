// The whole data path of a portal in this process: shards with their sessions and links, without a monitor. The test
// says who leads, and looks into the shards when all clients have gone.
#pragma once

#include "shard/shard.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace portal::adversary {

class PortalInProcess final : private session::ShardPeers {
  public:
    PortalInProcess(std::uint32_t shards, std::chrono::milliseconds hold_time);
    ~PortalInProcess();
    PortalInProcess(const PortalInProcess&) = delete;
    PortalInProcess& operator=(const PortalInProcess&) = delete;

    /// Forwards to the node at that port from now on, in a new epoch.
    void lead(std::uint16_t port);
    void nobody_leads();
    /// All shards route by what was said last.
    [[nodiscard]] bool applied() const { return unapplied_->load() == 0; }
    /// A connection of a client, non-blocking.
    [[nodiscard]] int connect();

    /// What there still is, one line for each shard in which there is anything; empty: nothing.
    [[nodiscard]] std::string remains();
    [[nodiscard]] std::uint64_t closed(observe::Closed reason) const;
    [[nodiscard]] std::uint64_t links_lost() const;

  private:
    void publish(const replication::TopologyPtr& topology);
    void post(std::uint32_t shard, Task task) override { shards_[shard]->post(std::move(task)); }
    [[nodiscard]] std::uint32_t shards() const noexcept override { return count_; }

    std::uint32_t count_;
    config::ConfigPtr config_;
    std::shared_ptr<replication::ForwardPermit> permit_ = std::make_shared<replication::ForwardPermit>();
    std::vector<std::unique_ptr<shard::Shard>> shards_;
    std::uint64_t epoch_ = 0;
    std::shared_ptr<std::atomic<std::uint32_t>> unapplied_ = std::make_shared<std::atomic<std::uint32_t>>(0);
    std::size_t dealt_ = 0;
    int listener_ = -1;
    std::uint16_t port_ = 0;
};

}  // namespace portal::adversary
