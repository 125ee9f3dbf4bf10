// Every metric of the portal in one table: name, type, labels, help. Three kinds: counters of the shards (each slot of
// ShardCounters is named here), samples that other parts provide at a scrape, and those of the process.
// docs/operate/metrics.md is made from this table and a test compares them.
#pragma once

#include "observe/shard_counters.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace portal::observe {

enum class MetricType : std::uint8_t { counter, gauge, histogram };

struct MetricInfo {
    std::string_view name;
    MetricType type = MetricType::gauge;
    std::vector<std::string_view> labels;
    std::string_view help;
};

/// One counter of a shard as one series: which metric, the value of its label (empty when it has none), where it
/// stands.
struct ShardSeries {
    std::size_t metric = 0;  // index into shard_metrics()
    std::string_view label_value;
    const Counter& (*counter)(const ShardCounters&) = nullptr;
};

/// One histogram of a shard; as ShardSeries, of shard_histograms().
struct ShardDurations {
    std::size_t metric = 0;
    std::string_view label_value;
    const Durations& (*durations)(const ShardCounters&) = nullptr;
};

/// Metrics whose samples a provider gives at each scrape. A row of provided_metrics() for each, in this order.
enum class Metric : std::uint8_t {
    build_info,
    ready,
    draining,
    state,
    client_connections_limit,
    leader_known,
    leader_changed,
    leader_epoch,
    leaders_observed,
    writes_proven,
    confirming_replicas,
    backend_up,
    backend_role,
    backend_replication_offset,
    backend_replication_lag,
    credentials_ok,
    users_equal,
    users_told,
    backend_checks,
    backend_check_seconds,
    backend_state_changes,
    lease_held,
    lease_transitions,
    arbiter_last_contact,
    lease_requests,
    lease_request_seconds,
    failsafe_active,
    failovers,
    failover_in_progress,
    last_failover_seconds,
    tls_certificate_not_after,
    config_info,
    config_last_reload_successful,
    config_last_reload_success,
    config_reloads,
    config_needs_restart,
    log_messages,
    log_messages_dropped,
    volume_capacity,
    volume_used,
    volume_requested,
    volume_limit,
    volume_expansions,
    volume_expansion_blocked,
    token_logins,
    token_sessions,
    kubernetes_denied,
    count
};

[[nodiscard]] std::span<const MetricInfo> shard_metrics();
/// The series of shard_metrics(), those of one metric next to each other. With those of shard_histograms() every slot
/// of ShardCounters exactly once.
[[nodiscard]] std::span<const ShardSeries> shard_series();
[[nodiscard]] std::span<const MetricInfo> shard_histograms();
[[nodiscard]] std::span<const ShardDurations> shard_durations();
[[nodiscard]] std::span<const MetricInfo> provided_metrics();
[[nodiscard]] std::span<const MetricInfo> process_metrics_info();
[[nodiscard]] const MetricInfo& info(Metric metric);

}  // namespace portal::observe
