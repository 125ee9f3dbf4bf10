#include "storage/growth.hpp"

#include "storage/quantity.hpp"

#include <gtest/gtest.h>

namespace portal::storage {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kGiB = 1ULL << 30U;
const WallTime kNow{1000h};

Usage used(std::uint64_t percent, std::uint64_t of_gib = 8) {
    const auto all = of_gib * kGiB;
    const auto taken = (all * percent + 99) / 100;  // not a byte less than said
    return {taken, all - taken, 0};
}

Volume volume(std::string claim, std::uint64_t gib, std::optional<Usage> usage, bool leads = false) {
    Volume made;
    made.claim = std::move(claim);
    made.bound = true;
    made.requested = made.capacity = gib * kGiB;
    made.usage = usage;
    made.leads = leads;
    return made;
}

struct GrowthTest : testing::Test {
    config::AutoExpand settings{75, 50, {kGiB}, {64 * kGiB}, 6h};
    std::vector<Volume> volumes{volume("leader", 8, used(50), true), volume("replica", 8, used(50))};

    [[nodiscard]] Growth decide(WallTime now = kNow) const { return decide_growth(settings, volumes, now); }
    static std::vector<Step> steps(std::initializer_list<Step> list) { return list; }
    static std::vector<BlockedVolume> blocked(std::initializer_list<BlockedVolume> list) { return list; }
};

TEST_F(GrowthTest, below_the_threshold_nothing_happens) {
    volumes[0].usage = used(74);
    EXPECT_TRUE(decide().steps.empty());
    EXPECT_TRUE(decide().blocked.empty());
}

TEST_F(GrowthTest, at_the_threshold_the_replica_grows_first_and_the_leader_waits_for_it) {
    volumes[0].usage = used(75);
    EXPECT_EQ(decide().steps, steps({{"replica", 12 * kGiB}}));
    volumes[1].requested = 12 * kGiB;  // patched, not there yet
    volumes[1].progress = Progress::resizing;
    EXPECT_TRUE(decide().steps.empty());
    volumes[1].capacity = 12 * kGiB;
    volumes[1].progress = Progress::settled;
    EXPECT_EQ(decide().steps, steps({{"leader", 12 * kGiB}}));
}

TEST_F(GrowthTest, either_volume_s_need_makes_all_grow_to_one_size) {
    volumes[1].usage = used(80);
    volumes.push_back(volume("third", 8, std::nullopt));
    EXPECT_EQ(decide().steps, steps({{"replica", 12 * kGiB}, {"third", 12 * kGiB}}));
}

TEST_F(GrowthTest, a_leader_with_95_percent_does_not_wait_for_replicas) {
    volumes[0].usage = used(95);
    EXPECT_EQ(decide().steps, steps({{"replica", 12 * kGiB}, {"leader", 12 * kGiB}}));
}

TEST_F(GrowthTest, a_replica_that_cannot_grow_does_not_hold_up_the_leader) {
    volumes[0].usage = used(80);
    volumes[1].refused = Refusal{Blocked::quota, kNow + 5min};
    EXPECT_EQ(decide().steps, steps({{"leader", 12 * kGiB}}));
    EXPECT_EQ(decide().blocked, blocked({{"replica", Blocked::quota}}));
    volumes[1].refused.reset();
    volumes[1].requested = 12 * kGiB;
    volumes[1].progress = Progress::failed;
    EXPECT_EQ(decide().steps, steps({{"leader", 12 * kGiB}}));
}

TEST_F(GrowthTest, too_little_room_for_two_rewrites_counts_as_full) {
    volumes[0].usage = Usage{2 * kGiB, 6 * kGiB, 3 * kGiB};
    EXPECT_TRUE(decide().steps.empty());
    volumes[0].usage->rewrite += 1;
    EXPECT_EQ(decide().steps, steps({{"replica", 12 * kGiB}}));
}

TEST_F(GrowthTest, a_step_is_at_least_min_step_and_rounded_up_to_a_gib) {
    volumes = {volume("one", 3, used(80), true)};
    EXPECT_EQ(decide().steps, steps({{"one", 5 * kGiB}}));  // 4.5
    settings.min_step = {4 * kGiB};
    EXPECT_EQ(decide().steps, steps({{"one", 7 * kGiB}}));
    volumes[0].requested = volumes[0].capacity = 3 * kGiB + 1;
    EXPECT_EQ(decide().steps, steps({{"one", 8 * kGiB}}));
}

TEST_F(GrowthTest, the_limit_caps_a_step_and_then_blocks) {
    settings.limit = {10 * kGiB};
    volumes[0].usage = used(80);
    EXPECT_EQ(decide().steps, steps({{"replica", 10 * kGiB}}));
    for (auto& each : volumes) {
        each.requested = each.capacity = 10 * kGiB;
    }
    EXPECT_TRUE(decide().steps.empty());
    EXPECT_EQ(decide().blocked, blocked({{"leader", Blocked::limit}}));
}

TEST_F(GrowthTest, volumes_above_the_limit_never_shrink) {
    settings.limit = {4 * kGiB};
    volumes[0].usage = used(99);
    EXPECT_TRUE(decide().steps.empty());
    EXPECT_EQ(decide().blocked, blocked({{"leader", Blocked::limit}}));
}

TEST_F(GrowthTest, the_cooldown_of_any_volume_holds_for_all_until_it_has_passed) {
    volumes[0].usage = used(80);
    volumes[1].grown_at = kNow - 5h;
    EXPECT_TRUE(decide().steps.empty());
    EXPECT_EQ(decide().blocked, blocked({{"leader", Blocked::cooldown}}));
    EXPECT_FALSE(decide(kNow + 1h).steps.empty());
}

TEST_F(GrowthTest, from_95_percent_on_the_cooldown_counts_for_a_minute_only) {
    volumes[0].usage = used(95);
    volumes[0].grown_at = kNow - 59s;
    EXPECT_TRUE(decide().steps.empty());
    volumes[0].grown_at = kNow - 60s;
    EXPECT_EQ(decide().steps.size(), 2U);
}

TEST_F(GrowthTest, what_is_growing_is_not_patched_again) {
    volumes[0].usage = volumes[1].usage = used(99);
    for (auto& each : volumes) {
        each.requested = 12 * kGiB;
    }
    volumes[0].progress = Progress::resizing;
    volumes[1].progress = Progress::failed;
    EXPECT_TRUE(decide().steps.empty());
    EXPECT_EQ(decide().blocked, blocked({{"leader", Blocked::pending}, {"replica", Blocked::failed}}));
}

TEST_F(GrowthTest, a_new_smaller_volume_grows_at_once_whatever_its_usage_and_cooldown) {
    volumes = {volume("leader", 20, used(10, 20), true), volume("reborn", 8, std::nullopt)};
    volumes[0].grown_at = kNow - 1s;
    EXPECT_EQ(decide().steps, steps({{"reborn", 20 * kGiB}}));
}

TEST_F(GrowthTest, a_volume_that_is_not_bound_is_left_alone) {
    volumes[0].usage = used(80);
    volumes[1].bound = false;
    EXPECT_EQ(decide().steps, steps({{"leader", 12 * kGiB}}));
}

TEST_F(GrowthTest, a_refused_step_is_asked_for_again_when_its_time_has_come) {
    volumes[0].usage = used(80);
    volumes[1].refused = Refusal{Blocked::denied, kNow + 5min};
    volumes[0].refused = Refusal{Blocked::denied, kNow + 5min};
    EXPECT_TRUE(decide().steps.empty());
    EXPECT_EQ(decide(kNow + 5min).steps.front(), (Step{"replica", 12 * kGiB}));
}

TEST_F(GrowthTest, why_a_volume_should_grow_is_what_decided) {
    EXPECT_EQ(why_room({70, 30, 0}, settings), "");
    EXPECT_EQ(why_room({75, 25, 0}, settings), "75 % used");
    EXPECT_EQ(why_room({31 * kGiB, 69 * kGiB / 10, 5 * kGiB}, settings),
              "82 % used; two rewrites of the append-only file would not fit: each may write 5.0 GiB, and 6.9 GiB are "
              "free");
    EXPECT_EQ(why_room({2 * kGiB, 5 * kGiB, 3 * kGiB}, settings),
              "two rewrites of the append-only file would not fit: each may write 3.0 GiB, and 5.0 GiB are free");
}

TEST(Quantity, reads_what_kubernetes_writes) {
    EXPECT_EQ(bytes_of("8Gi"), 8 * kGiB);
    EXPECT_EQ(bytes_of("1.5Ti"), 1536 * kGiB);
    EXPECT_EQ(bytes_of("500M"), 500'000'000U);
    EXPECT_EQ(bytes_of("8589934592"), 8 * kGiB);
    EXPECT_EQ(bytes_of("1e9"), 1'000'000'000U);
    EXPECT_EQ(bytes_of("100m"), 1U);
    for (const auto* wrong : {"", "Gi", "-1Gi", "8GB", "8 Gi", "9999999Pi"}) {
        EXPECT_EQ(bytes_of(wrong), std::nullopt) << wrong;
    }
    EXPECT_EQ(quantity_of(12 * kGiB), "12Gi");
    EXPECT_EQ(quantity_of(12 * kGiB + 1), "12884901889");
}

}  // namespace
}  // namespace portal::storage
