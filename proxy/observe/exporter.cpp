#include "observe/exporter.hpp"

#include "observe/log.hpp"
#include "observe/process_metrics.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <sstream>
#include <utility>

#include <fmt/core.h>
#include <prometheus/text_serializer.h>

namespace portal::observe {
namespace {

#ifdef __clang__
constexpr auto kCompiler = "clang " __clang_version__;
#else
constexpr auto kCompiler = "gcc " __VERSION__;
#endif

prometheus::MetricType type_of(MetricType type) {
    switch (type) {
        case MetricType::counter:
            return prometheus::MetricType::Counter;
        case MetricType::gauge:
            return prometheus::MetricType::Gauge;
        case MetricType::histogram:
            return prometheus::MetricType::Histogram;
    }
    return prometheus::MetricType::Untyped;
}

prometheus::MetricFamily family_of(const MetricInfo& info) {
    return {std::string(info.name), std::string(info.help), type_of(info.type), {}};
}

prometheus::ClientMetric labelled(const MetricInfo& info, std::string_view value) {
    prometheus::ClientMetric metric;
    for (const auto label : info.labels) {
        metric.label.push_back({std::string(label), std::string(value)});
    }
    return metric;
}

void set_value(prometheus::ClientMetric& metric, MetricType type, double value) {
    (type == MetricType::counter ? metric.counter.value : metric.gauge.value) = value;
}

std::vector<prometheus::MetricFamily> shard_families(const std::vector<const ShardCounters*>& shards) {
    std::vector<prometheus::MetricFamily> families;
    const auto infos = shard_metrics();
    for (const auto& info : infos) {
        families.push_back(family_of(info));
    }
    for (const auto& series : shard_series()) {
        const auto& info = infos[series.metric];
        std::uint64_t sum = 0;
        for (const auto* shard : shards) {
            sum += series.counter(*shard).get();
        }
        auto metric = labelled(info, series.label_value);
        set_value(metric, info.type, static_cast<double>(sum));
        families[series.metric].metric.push_back(std::move(metric));
    }
    return families;
}

/// The histogram of all shards together. Its count is that of its buckets, so that the two always agree.
prometheus::ClientMetric::Histogram histogram_of(const std::vector<const ShardCounters*>& shards,
                                                 const ShardDurations& series) {
    constexpr auto& kBounds = Durations::kMicroseconds;
    prometheus::ClientMetric::Histogram histogram;
    std::uint64_t nanoseconds = 0;
    for (std::size_t i = 0; i <= kBounds.size(); ++i) {
        for (const auto* shard : shards) {
            const Durations& durations = series.durations(*shard);
            histogram.sample_count += durations.buckets[i].get();
            nanoseconds += i == 0 ? durations.nanoseconds.get() : 0;
        }
        const double bound = i < kBounds.size() ? kBounds[i] / 1e6 : std::numeric_limits<double>::infinity();
        histogram.bucket.push_back({histogram.sample_count, bound});
    }
    histogram.sample_sum = static_cast<double>(nanoseconds) / 1e9;
    return histogram;
}

std::vector<prometheus::MetricFamily> histogram_families(const std::vector<const ShardCounters*>& shards) {
    std::vector<prometheus::MetricFamily> families;
    const auto infos = shard_histograms();
    for (const auto& info : infos) {
        families.push_back(family_of(info));
    }
    for (const auto& series : shard_durations()) {
        auto metric = labelled(infos[series.metric], series.label_value);
        metric.histogram = histogram_of(shards, series);
        families[series.metric].metric.push_back(std::move(metric));
    }
    return families;
}

std::vector<prometheus::MetricFamily> provided_families(const std::vector<Sample>& samples) {
    std::vector<prometheus::MetricFamily> families;
    for (const auto& info : provided_metrics()) {
        families.push_back(family_of(info));
    }
    for (const auto& sample : samples) {
        const auto& about = info(sample.metric);
        prometheus::ClientMetric metric;
        for (std::size_t i = 0; i < about.labels.size() && i < sample.label_values.size(); ++i) {
            metric.label.push_back({std::string(about.labels[i]), sample.label_values[i]});
        }
        set_value(metric, about.type, sample.value);
        auto& list = families[static_cast<std::size_t>(sample.metric)].metric;
        const auto same = std::find_if(list.begin(), list.end(),
                                       [&metric](const auto& other) { return other.label == metric.label; });
        if (same == list.end()) {
            list.push_back(std::move(metric));
        } else {
            *same = std::move(metric);
        }
    }
    std::erase_if(families, [](const auto& family) { return family.metric.empty(); });
    return families;
}

}  // namespace

std::vector<prometheus::MetricFamily> process_families() {
    const auto figures = read_process_figures();
    const std::array values{
        figures.cpu_seconds, figures.resident_memory_bytes, figures.virtual_memory_bytes, figures.open_fds,
        figures.max_fds,     figures.start_time_seconds};
    const auto infos = process_metrics_info();
    std::vector<prometheus::MetricFamily> families;
    for (std::size_t i = 0; i < infos.size(); ++i) {
        if (values[i]) {
            auto family = family_of(infos[i]);
            set_value(family.metric.emplace_back(), infos[i].type, *values[i]);
            families.push_back(std::move(family));
        }
    }
    return families;
}

std::vector<prometheus::MetricFamily> Exporter::Collect() const {
    auto families = shard_families(shards_);
    std::ranges::move(histogram_families(shards_), std::back_inserter(families));
    std::vector<Sample> samples;
    for (const auto& provide : providers_) {
        provide(samples);
    }
    std::ranges::move(provided_families(samples), std::back_inserter(families));
    std::ranges::move(process_families(), std::back_inserter(families));
    return families;
}

std::string Exporter::render() const {
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, Collect());
    return std::move(text).str();
}

Sample build_info(std::string_view openssl) {
    return {Metric::build_info, {PORTAL_VERSION, PORTAL_REVISION, kCompiler, std::string(openssl)}, 1};
}

std::string version_text(std::string_view openssl) {
    const std::string_view revision = PORTAL_REVISION;
    return fmt::format("redis-portal {}\nrevision {}\ncompiler {}\nOpenSSL {}", PORTAL_VERSION,
                       revision.empty() ? "unknown" : revision, kCompiler, openssl);
}

void add_log_samples(std::vector<Sample>& samples) {
    for (const auto level : {LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error}) {
        samples.push_back(
            {Metric::log_messages, {std::string(to_string(level))}, static_cast<double>(logged_lines(level))});
    }
    samples.push_back({Metric::log_messages_dropped, {}, static_cast<double>(dropped_log_lines())});
}

}  // namespace portal::observe
