// Gathers the metrics of the process at a scrape: sums the counters of all shards, asks the providers, reads the
// process figures. Any thread may collect, one at a time; providers run on that thread and must be safe there.
#pragma once

#include "observe/metric_catalogue.hpp"
#include "observe/shard_counters.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

namespace portal::observe {

/// One number of a provider. `label_values` in the order of the metric's labels in the catalogue. A later sample with
/// the same metric and labels replaces an earlier one.
struct Sample {
    Metric metric;
    std::vector<std::string> label_values;
    double value = 0;
};

class Exporter final : public prometheus::Collectable {
  public:
    using Provider = std::function<void(std::vector<Sample>&)>;

    /// The counters must outlive the exporter.
    explicit Exporter(std::vector<const ShardCounters*> shards) : shards_(std::move(shards)) {}

    /// Before the first scrape only.
    void add_provider(Provider provider) { providers_.push_back(std::move(provider)); }

    [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;
    /// The text format, version 0.0.4.
    [[nodiscard]] std::string render() const;

    static constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

  private:
    std::vector<const ShardCounters*> shards_;
    std::vector<Provider> providers_;
};

/// The standard process_* metrics of this process.
[[nodiscard]] std::vector<prometheus::MetricFamily> process_families();
/// Version and compiler of this program; `openssl` is the version of the library in use.
[[nodiscard]] Sample build_info(std::string_view openssl);
/// The same for people, one thing a line.
[[nodiscard]] std::string version_text(std::string_view openssl);
/// Samples of log_messages and log_messages_dropped; a provider.
void add_log_samples(std::vector<Sample>& samples);

}  // namespace portal::observe
