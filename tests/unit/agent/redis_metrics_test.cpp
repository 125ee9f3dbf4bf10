#include "agent/redis_metrics.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace portal::agent {
namespace {

const prometheus::MetricFamily* find(const std::vector<prometheus::MetricFamily>& families, std::string_view name) {
    const auto found =
        std::find_if(families.begin(), families.end(), [name](const auto& family) { return family.name == name; });
    return found == families.end() ? nullptr : &*found;
}

TEST(RedisMetrics, numbers_states_and_scales_are_read) {
    const auto families = redis_families(InfoText(
        "used_memory:100\r\nlatest_fork_usec:1500\r\naof_last_write_status:err\r\nrdb_last_bgsave_status:ok\r\n"));
    EXPECT_EQ(find(families, "redis_memory_used_bytes")->metric[0].gauge.value, 100);
    EXPECT_DOUBLE_EQ(find(families, "redis_latest_fork_seconds")->metric[0].gauge.value, 0.0015);
    EXPECT_EQ(find(families, "redis_aof_last_write_status")->metric[0].gauge.value, 0);
    EXPECT_EQ(find(families, "redis_rdb_last_bgsave_status")->metric[0].gauge.value, 1);
}

TEST(RedisMetrics, commands_databases_and_replicas_become_labels) {
    const auto families = redis_families(
        InfoText("role:master\r\nslave0:ip=10.0.0.2,port=6379,state=online,offset=7,lag=1\r\n"
                 "cmdstat_config|get:calls=3,usec=2000000,usec_per_call=1.0,rejected_calls=0,failed_calls=1\r\n"
                 "errorstat_WRONGTYPE:count=4\r\ndb3:keys=5,expires=1,avg_ttl=2000\r\n"));
    const auto& calls = find(families, "redis_commands_total")->metric.at(0);
    EXPECT_EQ(calls.label.at(0).value, "config|get");
    EXPECT_EQ(calls.counter.value, 3);
    EXPECT_EQ(find(families, "redis_commands_duration_seconds_total")->metric.at(0).counter.value, 2);
    EXPECT_EQ(find(families, "redis_errors_total")->metric.at(0).counter.value, 4);
    const auto& keys = find(families, "redis_db_keys")->metric;
    EXPECT_EQ(keys.size(), 2U);  // db0 is shown though it is empty
    const auto& lag = find(families, "redis_connected_slave_lag_seconds")->metric.at(0);
    EXPECT_EQ(lag.gauge.value, 1);
    EXPECT_EQ(lag.label.at(2).value, "online");
    EXPECT_EQ(find(families, "redis_slave_info"), nullptr);
}

TEST(RedisMetrics, hostile_text_neither_throws_nor_makes_endless_series) {
    std::string text = "role:slave\r\n:\r\ndb:x\r\nslave:\r\nslave0:\r\ncmdstat_:calls=\r\nused_memory:99x\r\n";
    for (int i = 0; i < 5000; ++i) {
        text += "cmdstat_c" + std::to_string(i) + ":calls=1,usec=1\r\n";
    }
    const auto families = redis_families(InfoText(text));
    EXPECT_EQ(find(families, "redis_commands_total")->metric.size(), 1000U);
    EXPECT_EQ(find(families, "redis_memory_used_bytes"), nullptr);
}

TEST(RedisMetrics, every_metric_is_in_the_catalogue_once) {
    std::set<std::string_view> names;
    for (const auto& row : redis_metric_catalogue()) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_TRUE(row.help.ends_with('.')) << row.name;
    }
    for (const auto& family : redis_families(InfoText("role:slave\r\nused_memory:1\r\n"))) {
        EXPECT_TRUE(names.contains(family.name)) << family.name;
    }
}

}  // namespace
}  // namespace portal::agent
