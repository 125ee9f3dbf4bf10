#include "observe/metric_catalogue.hpp"

#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace portal::observe {
namespace {

/// ShardCounters holds nothing but counters, so its size tells how many.
constexpr std::size_t kSlots = sizeof(ShardCounters) / sizeof(Counter);
static_assert(sizeof(ShardCounters) % sizeof(Counter) == 0);

TEST(MetricCatalogue, NamesEverySlotOfShardCountersExactlyOnce) {
    const ShardCounters shard;
    std::multiset<std::size_t> named;
    const auto name = [&](const void* from, std::size_t size) {
        const auto* const begin = reinterpret_cast<const char*>(&shard);
        const auto first = static_cast<std::size_t>(static_cast<const char*>(from) - begin) / sizeof(Counter);
        for (std::size_t slot = first; slot < first + size / sizeof(Counter); ++slot) {
            named.insert(slot);
        }
    };
    for (const auto& series : shard_series()) {
        name(&series.counter(shard), sizeof(Counter));
    }
    for (const auto& series : shard_durations()) {
        name(&series.durations(shard), sizeof(Durations));
    }
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
        EXPECT_EQ(named.count(slot), 1U) << "slot " << slot << " of ShardCounters";
    }
    EXPECT_EQ(named.size(), kSlots);
}

TEST(MetricCatalogue, EveryLabelledSeriesHasADifferentLabelValue) {
    std::set<std::pair<std::string_view, std::string_view>> seen;
    const auto check = [&seen](const MetricInfo& info, std::string_view label_value) {
        EXPECT_EQ(info.labels.empty(), label_value.empty());
        EXPECT_TRUE(seen.emplace(info.name, label_value).second) << info.name;
    };
    for (const auto& series : shard_series()) {
        check(shard_metrics()[series.metric], series.label_value);
    }
    for (const auto& series : shard_durations()) {
        check(shard_histograms()[series.metric], series.label_value);
    }
}

TEST(MetricCatalogue, NamesFollowTheConventions) {
    std::set<std::string_view> names;
    const auto check = [&names](std::string_view prefix, const MetricInfo& info) {
        const std::string name(info.name);
        EXPECT_TRUE(info.name.starts_with(prefix)) << name;
        EXPECT_EQ(info.name.ends_with("_total"), info.type == MetricType::counter) << name;
        EXPECT_TRUE(info.help.ends_with('.')) << name;
        EXPECT_EQ(info.help.find_first_of("\n\\|"), std::string_view::npos) << name;
        EXPECT_TRUE(names.insert(info.name).second) << name << " is there twice";
    };
    for (const auto& info : shard_metrics()) {
        check("redis_portal_", info);
        EXPECT_LE(info.labels.size(), 1U);
    }
    for (const auto& info : shard_histograms()) {
        check("redis_portal_", info);
        EXPECT_TRUE(info.name.ends_with("_seconds")) << info.name;
    }
    for (const auto& info : provided_metrics()) {
        check("redis_portal_", info);
    }
    for (const auto& info : process_metrics_info()) {
        check("process_", info);
    }
}

TEST(MetricCatalogue, RowsOfProvidedMetricsStandInTheOrderOfTheirNumbers) {
    EXPECT_EQ(info(Metric::build_info).name, "redis_portal_build_info");
    EXPECT_EQ(info(Metric::draining).name, "redis_portal_draining");
    EXPECT_EQ(info(Metric::leader_epoch).name, "redis_portal_leader_epoch");
    EXPECT_EQ(info(Metric::backend_role).name, "redis_portal_backend_role");
    EXPECT_EQ(info(Metric::lease_held).name, "redis_portal_lease_held");
    EXPECT_EQ(info(Metric::log_messages_dropped).name, "redis_portal_log_messages_dropped_total");
    for (const auto& info : provided_metrics()) {
        EXPECT_FALSE(info.name.empty());
    }
}

}  // namespace
}  // namespace portal::observe
