// The whole data path of a portal in this process: shards with their sessions and links, without a monitor. The test
// says who leads, and looks into the shards when all clients have gone.
#pragma once

#include "shard/shard.hpp"

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

    /// Forwards to the node at that port from now on, in a new epoch. False: it did not stop forwarding in time.
    [[nodiscard]] bool lead(std::uint16_t port);
    [[nodiscard]] bool nobody_leads();
    /// A connection of a client, non-blocking.
    [[nodiscard]] int connect();

    /// What there still is, one line for each shard in which there is anything; empty: nothing.
    [[nodiscard]] std::string remains();
    [[nodiscard]] std::uint64_t closed(observe::Closed reason) const;
    [[nodiscard]] std::uint64_t links_lost() const;

  private:
    [[nodiscard]] bool publish(replication::TopologyPtr topology);
    void post(std::uint32_t shard, Task task) override { shards_[shard]->post(std::move(task)); }
    [[nodiscard]] std::uint32_t shards() const noexcept override { return count_; }

    std::uint32_t count_;
    config::ConfigPtr config_;
    std::shared_ptr<replication::ForwardPermit> permit_ = std::make_shared<replication::ForwardPermit>();
    std::vector<std::unique_ptr<shard::Shard>> shards_;
    std::uint64_t epoch_ = 0;
    std::size_t dealt_ = 0;
    int listener_ = -1;
    std::uint16_t port_ = 0;
};

}  // namespace portal::adversary
