// One shard without monitor: the test says who leads. Clients are plain loopback connections.
#pragma once

#include "binary_content.hpp"
#include "fake_node.hpp"
#include "shard/shard_group.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace portal::testing {

/// A blocking client connection; every read has a deadline.
class TestClient {
  public:
    explicit TestClient(int descriptor) : descriptor_(descriptor) {}
    ~TestClient();
    TestClient(const TestClient&) = delete;
    TestClient& operator=(const TestClient&) = delete;

    void send(std::string_view bytes) const;
    void finish_sending() const;
    /// Closes it by a reset.
    void break_off();
    /// Reads until `size` bytes have come, the connection ends, or five seconds have passed.
    [[nodiscard]] std::string read(std::size_t size) const;
    /// Reads to the end of the line, that included; what has come of it when nothing more comes.
    [[nodiscard]] std::string line() const;
    /// Sends, and reads as many bytes as `expected` has; a test compares the two.
    void expect(std::string_view bytes, std::string_view expected) const;
    void expect(std::string_view expected) const { EXPECT_TRUE(same_bytes(read(expected.size()), expected)); }
    /// Sends a HELLO, and reads its answer.
    void say_hello(std::string_view hello) const;
    /// True while nothing has come that was not read.
    [[nodiscard]] bool silent() const;
    /// True if the portal has closed the connection (waits for it).
    [[nodiscard]] bool closed() const;

  private:
    int descriptor_;
};

class PortalTest : public ::testing::Test {
  protected:
    PortalTest();
    ~PortalTest() override;

    /// Makes the shard with the present config_; called by the first lead() or client().
    void start();
    /// Goes on by config_ as it is now.
    void reload();
    /// `confirming`: who must confirm proven writes.
    void lead(const FakeNode& node, std::vector<replication::Confirmer> confirming = {});
    /// In the epoch of the last lead(): it leads on, and others must confirm.
    void lead_on(const FakeNode& node, std::vector<replication::Confirmer> confirming);
    /// In the epoch of the last lead(): it leads on, for the sake of this process.
    void lead_as(const FakeNode& node, const std::string& run_id);
    /// The monitor has asked now which process answers there.
    void see_process(const FakeNode& node, const std::string& run_id);
    /// The same by a name that nobody knows but the monitor, which has found the node at these addresses.
    void lead_by_name(const FakeNode& node, const std::string& host, std::vector<std::string> addresses);
    /// The same with replicas, all of which are in sync.
    void lead_with(const FakeNode& node, const std::vector<const FakeNode*>& replicas);
    void nobody_leads(const std::string& reason);
    /// A failover has begun, `epochs` after what this portal knows; its record names no replica.
    void fail_over(std::uint64_t epochs);
    /// The record is not confirmed in time: nothing is forwarded, and the links stay.
    void fence() { permit_->revoke(); }
    /// The record was not confirmed in time.
    void run_out() { permit_->extend(std::chrono::steady_clock::now()); }
    /// The portal lets its clients go, and has so much time for it.
    void drain(std::chrono::milliseconds time) { group_->drain(std::chrono::steady_clock::now() + time); }
    void confirm() { permit_->extend(std::chrono::steady_clock::now() + std::chrono::hours(1)); }
    /// The shard stands still while `meanwhile` runs: all that comes then it finds in one turn, in that order. Somebody
    /// must lead.
    void in_one_turn(const std::function<void()>& meanwhile);
    [[nodiscard]] std::unique_ptr<TestClient> client();
    /// The portal's end of the newest client's connection, to be looked at only.
    [[nodiscard]] int newest_socket() const noexcept { return newest_socket_; }
    [[nodiscard]] const observe::ShardCounters& counters() const { return *group_->counters().front(); }

    /// Waits until `condition` holds; fails the test after five seconds.
    template <typename Condition>
    void wait_for(Condition&& condition, const char* what) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        while (!condition()) {
            ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "not in time: " << what;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    }

    config::Config config_;
    /// By which clients are told of the change of leader that lead() and fail_over() publish; see
    /// replication::Topology.
    std::int64_t notice_ = 0;

  private:
    void publish(replication::TopologyPtr topology);

    std::shared_ptr<replication::ProcessSightings> sightings_ = std::make_shared<replication::ProcessSightings>();
    std::shared_ptr<replication::ForwardPermit> permit_ = std::make_shared<replication::ForwardPermit>();
    std::unique_ptr<shard::ShardGroup> group_;
    replication::TopologyPtr topology_;  // the one published last
    std::uint64_t epoch_ = 0;
    int listener_ = -1;
    int newest_socket_ = -1;
    std::uint16_t port_ = 0;
};

}  // namespace portal::testing
