// The node's figures as Prometheus metrics, under the names, types and labels of redis_exporter, so that its dashboards
// and rules work. Pure: INFO's text in, metric families out.
#pragma once

#include "agent/info_text.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <prometheus/metric_family.h>

namespace portal::agent {

/// Families of a node that answered INFO ("INFO" and "INFO commandstats" and "INFO errorstats" in one text).
[[nodiscard]] std::vector<prometheus::MetricFamily> redis_families(const InfoText& info);
/// redis_up and redis_exporter_last_scrape_error; `problem` is a short word, empty when all went well.
[[nodiscard]] std::vector<prometheus::MetricFamily> scrape_families(std::string_view problem);

struct RedisMetric {
    std::string_view name;
    prometheus::MetricType type = prometheus::MetricType::Gauge;
    std::vector<std::string_view> labels;
    std::string_view help;
};
/// Every metric that may appear, for the documentation.
[[nodiscard]] std::vector<RedisMetric> redis_metric_catalogue();

}  // namespace portal::agent
