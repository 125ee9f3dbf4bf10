#include "agent/redis_metrics.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace portal::agent {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr auto kGauge = MetricType::Gauge;
constexpr auto kCounter = MetricType::Counter;
/// A server has some 250 commands with subcommands and a few dozen kinds of errors; more than this is not one.
constexpr std::size_t kMostSeries = 1000;
constexpr double kMicro = 1e-6;

/// A field of INFO that is one number, times `scale`; a status is 1 for "ok" and else 0.
struct PlainRow {
    std::string_view name;
    MetricType type;
    std::string_view field;
    std::string_view help;
    double scale = 1;
};

// clang-format off: one row per metric.
constexpr std::array kPlain{
    PlainRow{"redis_uptime_in_seconds", kGauge, "uptime_in_seconds", "Seconds since the server started."},
    PlainRow{"redis_connected_clients", kGauge, "connected_clients", "Client connections, those of replicas excluded."},
    PlainRow{"redis_blocked_clients", kGauge, "blocked_clients", "Clients that wait in a blocking command."},
    PlainRow{"redis_tracking_clients", kGauge, "tracking_clients", "Clients with CLIENT TRACKING."},
    PlainRow{"redis_client_recent_max_input_buffer_bytes", kGauge, "client_recent_max_input_buffer",
             "Largest input buffer of a client of late."},
    PlainRow{"redis_client_recent_max_output_buffer_bytes", kGauge, "client_recent_max_output_buffer",
             "Largest output buffer of a client of late."},
    PlainRow{"redis_config_maxclients", kGauge, "maxclients", "Connections that the server allows."},
    PlainRow{"redis_config_maxmemory", kGauge, "maxmemory", "Setting maxmemory; 0: none."},
    PlainRow{"redis_memory_used_bytes", kGauge, "used_memory", "Bytes that the allocator has given out."},
    PlainRow{"redis_memory_used_rss_bytes", kGauge, "used_memory_rss", "Resident memory as the system sees it."},
    PlainRow{"redis_memory_used_peak_bytes", kGauge, "used_memory_peak", "Most memory used so far."},
    PlainRow{"redis_memory_used_lua_bytes", kGauge, "used_memory_lua", "Memory of the script engine."},
    PlainRow{"redis_memory_used_overhead_bytes", kGauge, "used_memory_overhead",
             "Memory used for the server's own structures."},
    PlainRow{"redis_memory_used_startup_bytes", kGauge, "used_memory_startup",
             "Memory used when the server had started."},
    PlainRow{"redis_memory_used_dataset_bytes", kGauge, "used_memory_dataset", "Memory of the data."},
    PlainRow{"redis_memory_used_scripts_bytes", kGauge, "used_memory_scripts", "Memory of kept scripts."},
    PlainRow{"redis_memory_max_bytes", kGauge, "maxmemory", "Setting maxmemory; 0: none."},
    PlainRow{"redis_mem_fragmentation_ratio", kGauge, "mem_fragmentation_ratio", "Resident memory over used memory."},
    PlainRow{"redis_mem_fragmentation_bytes", kGauge, "mem_fragmentation_bytes", "Resident memory less used memory."},
    PlainRow{"redis_allocator_active_bytes", kGauge, "allocator_active", "Pages that the allocator uses."},
    PlainRow{"redis_allocator_allocated_bytes", kGauge, "allocator_allocated",
             "Bytes that the allocator has given out."},
    PlainRow{"redis_allocator_resident_bytes", kGauge, "allocator_resident", "Pages that the allocator holds."},
    PlainRow{"redis_allocator_frag_ratio", kGauge, "allocator_frag_ratio", "Active over allocated memory."},
    PlainRow{"redis_allocator_rss_ratio", kGauge, "allocator_rss_ratio", "Resident over active memory."},
    PlainRow{"redis_total_system_memory_bytes", kGauge, "total_system_memory", "Memory of the machine."},
    PlainRow{"redis_lazyfree_pending_objects", kGauge, "lazyfree_pending_objects", "Objects that wait to be freed."},
    PlainRow{"redis_loading_dump_file", kGauge, "loading", "1 while data is loaded."},
    PlainRow{"redis_rdb_changes_since_last_save", kGauge, "rdb_changes_since_last_save",
             "Changes since the last save."},
    PlainRow{"redis_rdb_bgsave_in_progress", kGauge, "rdb_bgsave_in_progress", "1 while a background save runs."},
    PlainRow{"redis_rdb_last_save_timestamp_seconds", kGauge, "rdb_last_save_time", "Unix time of the last save."},
    PlainRow{"redis_rdb_last_bgsave_status", kGauge, "rdb_last_bgsave_status",
             "1 if the last background save went well."},
    PlainRow{"redis_rdb_last_bgsave_duration_sec", kGauge, "rdb_last_bgsave_time_sec",
             "Seconds that the last background save took; -1: none."},
    PlainRow{"redis_rdb_current_bgsave_duration_sec", kGauge, "rdb_current_bgsave_time_sec",
             "Seconds since the background save began; -1: none."},
    PlainRow{"redis_rdb_last_cow_size_bytes", kGauge, "rdb_last_cow_size",
             "Memory that the last background save had to copy."},
    PlainRow{"redis_aof_enabled", kGauge, "aof_enabled", "1 with an append-only file."},
    PlainRow{"redis_aof_rewrite_in_progress", kGauge, "aof_rewrite_in_progress",
             "1 while the append-only file is rewritten."},
    PlainRow{"redis_aof_rewrite_scheduled", kGauge, "aof_rewrite_scheduled", "1 if a rewrite waits for a save to end."},
    PlainRow{"redis_aof_last_rewrite_duration_sec", kGauge, "aof_last_rewrite_time_sec",
             "Seconds that the last rewrite took; -1: none."},
    PlainRow{"redis_aof_current_rewrite_duration_sec", kGauge, "aof_current_rewrite_time_sec",
             "Seconds since the rewrite began; -1: none."},
    PlainRow{"redis_aof_last_cow_size_bytes", kGauge, "aof_last_cow_size", "Memory that the last rewrite had to copy."},
    PlainRow{"redis_aof_current_size_bytes", kGauge, "aof_current_size", "Size of the append-only file."},
    PlainRow{"redis_aof_base_size_bytes", kGauge, "aof_base_size",
             "Size of the append-only file after its last rewrite."},
    PlainRow{"redis_aof_last_bgrewrite_status", kGauge, "aof_last_bgrewrite_status",
             "1 if the last rewrite went well."},
    PlainRow{"redis_aof_last_write_status", kGauge, "aof_last_write_status",
             "1 if the last write to the append-only file went well."},
    PlainRow{"redis_connected_slaves", kGauge, "connected_slaves", "Replicas of this node."},
    PlainRow{"redis_repl_backlog_is_active", kGauge, "repl_backlog_active", "1 if there is a replication backlog."},
    PlainRow{"redis_replication_backlog_bytes", kGauge, "repl_backlog_size", "Size of the replication backlog."},
    PlainRow{"redis_repl_backlog_first_byte_offset", kGauge, "repl_backlog_first_byte_offset",
             "Offset at which the backlog begins."},
    PlainRow{"redis_repl_backlog_history_bytes", kGauge, "repl_backlog_histlen", "Bytes in the backlog."},
    PlainRow{"redis_master_repl_offset", kGauge, "master_repl_offset", "Replication offset of this node."},
    PlainRow{"redis_second_repl_offset", kGauge, "second_repl_offset",
             "Offset up to which the history before the last promotion counts."},
    PlainRow{"redis_slave_priority", kGauge, "slave_priority", "Priority of this replica."},
    PlainRow{"redis_replica_resyncs_full", kGauge, "sync_full", "Full synchronizations with replicas."},
    PlainRow{"redis_replica_partial_resync_accepted", kGauge, "sync_partial_ok",
             "Partial synchronizations that were possible."},
    PlainRow{"redis_replica_partial_resync_denied", kGauge, "sync_partial_err",
             "Partial synchronizations that were not."},
    PlainRow{"redis_latest_fork_seconds", kGauge, "latest_fork_usec", "Time of the last fork.", kMicro},
    PlainRow{"redis_pubsub_channels", kGauge, "pubsub_channels", "Channels with subscribers."},
    PlainRow{"redis_pubsub_patterns", kGauge, "pubsub_patterns", "Patterns with subscribers."},
    PlainRow{"redis_slave_expires_tracked_keys", kGauge, "slave_expires_tracked_keys",
             "Keys whose expiry a writable replica tracks."},
    PlainRow{"redis_expired_stale_percentage", kGauge, "expired_stale_perc",
             "Share of keys that have expired and are still there."},
    PlainRow{"redis_cluster_enabled", kGauge, "cluster_enabled", "1 in cluster mode."},
    PlainRow{"redis_commands_processed_total", kCounter, "total_commands_processed", "Commands executed."},
    PlainRow{"redis_connections_received_total", kCounter, "total_connections_received", "Connections accepted."},
    PlainRow{"redis_rejected_connections_total", kCounter, "rejected_connections",
             "Connections refused because of maxclients."},
    PlainRow{"redis_net_input_bytes_total", kCounter, "total_net_input_bytes", "Bytes received."},
    PlainRow{"redis_net_output_bytes_total", kCounter, "total_net_output_bytes", "Bytes sent."},
    PlainRow{"redis_expired_keys_total", kCounter, "expired_keys", "Keys that have expired."},
    PlainRow{"redis_evicted_keys_total", kCounter, "evicted_keys", "Keys evicted because of maxmemory."},
    PlainRow{"redis_keyspace_hits_total", kCounter, "keyspace_hits", "Look-ups of keys that were there."},
    PlainRow{"redis_keyspace_misses_total", kCounter, "keyspace_misses", "Look-ups of keys that were not."},
    PlainRow{"redis_cpu_sys_seconds_total", kCounter, "used_cpu_sys", "System CPU time."},
    PlainRow{"redis_cpu_user_seconds_total", kCounter, "used_cpu_user", "User CPU time."},
    PlainRow{"redis_cpu_sys_children_seconds_total", kCounter, "used_cpu_sys_children",
             "System CPU time of child processes."},
    PlainRow{"redis_cpu_user_children_seconds_total", kCounter, "used_cpu_user_children",
             "User CPU time of child processes."},
    PlainRow{"redis_total_error_replies", kCounter, "total_error_replies", "Error replies sent."},
    PlainRow{"redis_total_reads_processed", kCounter, "total_reads_processed", "Reads from connections."},
    PlainRow{"redis_total_writes_processed", kCounter, "total_writes_processed", "Writes to connections."},
};
// clang-format on

/// The families with labels, in the order in which they appear.
const std::vector<RedisMetric>& labelled() {
    static const std::vector<RedisMetric> rows{
        {"redis_instance_info",
         kGauge,
         {"role", "redis_version", "redis_build_id", "redis_mode", "os", "maxmemory_policy", "tcp_port", "run_id",
          "process_id"},
         "Always 1; the labels say what runs."},
        {"redis_commands_total", kCounter, {"cmd"}, "Calls of the command."},
        {"redis_commands_duration_seconds_total", kCounter, {"cmd"}, "Time spent in the command."},
        {"redis_commands_rejected_calls_total", kCounter, {"cmd"}, "Calls refused before they were executed."},
        {"redis_commands_failed_calls_total", kCounter, {"cmd"}, "Calls that ended with an error."},
        {"redis_errors_total", kCounter, {"err"}, "Error replies by their first word."},
        {"redis_db_keys", kGauge, {"db"}, "Keys in the database."},
        {"redis_db_keys_expiring", kGauge, {"db"}, "Keys that will expire."},
        {"redis_db_avg_ttl_seconds", kGauge, {"db"}, "Mean time to live of keys that will expire."},
        {"redis_slave_info", kGauge, {"master_host", "master_port", "read_only"}, "Always 1, on a replica."},
        {"redis_master_link_up", kGauge, {"master_host", "master_port"}, "1 while the link to the leader is up."},
        {"redis_master_last_io_seconds_ago",
         kGauge,
         {"master_host", "master_port"},
         "Seconds since the leader was heard; -1: no link."},
        {"redis_master_sync_in_progress",
         kGauge,
         {"master_host", "master_port"},
         "1 while the replica copies everything from its leader."},
        {"redis_slave_repl_offset",
         kGauge,
         {"master_host", "master_port"},
         "Offset up to which the replica has the leader's history."},
        {"redis_connected_slave_offset_bytes",
         kGauge,
         {"slave_ip", "slave_port", "slave_state"},
         "Offset that the replica has acknowledged."},
        {"redis_connected_slave_lag_seconds",
         kGauge,
         {"slave_ip", "slave_port", "slave_state"},
         "Seconds since the replica's last acknowledgement."},
    };
    return rows;
}

const std::vector<RedisMetric>& about_the_scrape() {
    static const std::vector<RedisMetric> rows{
        {"redis_up", kGauge, {}, "1 if the node answered INFO."},
        {"redis_exporter_last_scrape_error", kGauge, {"err"}, "1 if it did not; the label says in a word why."},
    };
    return rows;
}

MetricFamily family_of(const RedisMetric& row) {
    return {std::string(row.name), std::string(row.help), row.type, {}};
}

void add(MetricFamily& family, std::vector<ClientMetric::Label> labels, double value) {
    if (family.metric.size() >= kMostSeries) {
        return;
    }
    ClientMetric metric;
    metric.label = std::move(labels);
    (family.type == kCounter ? metric.counter.value : metric.gauge.value) = value;
    family.metric.push_back(std::move(metric));
}

std::optional<double> plain_value(const InfoText& info, std::string_view field, double scale) {
    const auto text = info.find(field);
    if (!text) {
        return std::nullopt;
    }
    if (*text == "ok" || *text == "err") {
        return *text == "ok" ? 1 : 0;
    }
    const auto number = number_of(*text);
    return number ? std::optional(*number * scale) : std::nullopt;
}

/// Gathers the labelled families by name.
class Labelled {
  public:
    Labelled() {
        for (const auto& row : labelled()) {
            families_.push_back(family_of(row));
        }
    }

    /// Values of the labels, in the catalogue's order.
    void set(std::string_view name, const std::vector<std::string>& values, std::optional<double> value) {
        if (!value) {
            return;
        }
        for (std::size_t i = 0; i < families_.size(); ++i) {
            if (families_[i].name == name) {
                std::vector<ClientMetric::Label> labels;
                for (std::size_t j = 0; j < values.size(); ++j) {
                    labels.push_back({std::string(labelled()[i].labels[j]), values[j]});
                }
                add(families_[i], std::move(labels), *value);
            }
        }
    }
    std::vector<MetricFamily> take() {
        std::erase_if(families_, [](const auto& family) { return family.metric.empty(); });
        return std::move(families_);
    }

  private:
    std::vector<MetricFamily> families_;
};

void add_command(Labelled& out, std::string_view name, std::string_view value) {
    const auto parts = parts_of(value);
    const std::vector<std::string> cmd{std::string(name)};
    out.set("redis_commands_total", cmd, number_of(part(parts, "calls")));
    const auto usec = number_of(part(parts, "usec"));
    out.set("redis_commands_duration_seconds_total", cmd, usec ? std::optional(*usec * kMicro) : std::nullopt);
    out.set("redis_commands_rejected_calls_total", cmd, number_of(part(parts, "rejected_calls")));
    out.set("redis_commands_failed_calls_total", cmd, number_of(part(parts, "failed_calls")));
}

void add_database(Labelled& out, std::string_view name, std::string_view value) {
    constexpr double kMilli = 1e-3;
    const auto parts = parts_of(value);
    const std::vector<std::string> db{std::string(name)};
    out.set("redis_db_keys", db, number_of(part(parts, "keys")));
    out.set("redis_db_keys_expiring", db, number_of(part(parts, "expires")));
    const auto ttl = number_of(part(parts, "avg_ttl"));
    if (ttl && *ttl > 0) {
        out.set("redis_db_avg_ttl_seconds", db, *ttl * kMilli);
    }
}

void add_replica(Labelled& out, std::string_view value) {
    const auto parts = parts_of(value);
    const std::vector<std::string> who{std::string(part(parts, "ip")), std::string(part(parts, "port")),
                                       std::string(part(parts, "state"))};
    out.set("redis_connected_slave_offset_bytes", who, number_of(part(parts, "offset")));
    out.set("redis_connected_slave_lag_seconds", who, number_of(part(parts, "lag")));
}

bool is_numbered(std::string_view key, std::string_view prefix) {
    const auto number = key.substr(std::min(prefix.size(), key.size()));
    return key.starts_with(prefix) && !number.empty() &&
           std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void add_replication(Labelled& out, const InfoText& info) {
    if (info.text("role") != "slave") {
        return;
    }
    const std::vector<std::string> leader{info.text("master_host"), info.text("master_port")};
    out.set("redis_slave_info", {leader[0], leader[1], info.text("slave_read_only")}, 1);
    out.set("redis_master_link_up", leader, info.text("master_link_status") == "up" ? 1 : 0);
    out.set("redis_master_last_io_seconds_ago", leader, info.number("master_last_io_seconds_ago"));
    out.set("redis_master_sync_in_progress", leader, info.number("master_sync_in_progress"));
    out.set("redis_slave_repl_offset", leader, info.number("slave_repl_offset"));
}

}  // namespace

std::vector<MetricFamily> redis_families(const InfoText& info) {
    std::vector<MetricFamily> families;
    for (const auto& row : kPlain) {
        if (const auto value = plain_value(info, row.field, row.scale)) {
            MetricFamily family{std::string(row.name), std::string(row.help), row.type, {}};
            add(family, {}, *value);
            families.push_back(std::move(family));
        }
    }
    Labelled out;
    std::vector<std::string> about;
    for (const auto label : labelled().front().labels) {
        about.push_back(info.text(label));
    }
    out.set("redis_instance_info", about, 1);
    constexpr std::string_view kCommand = "cmdstat_";
    constexpr std::string_view kError = "errorstat_";
    bool first_database = false;
    for (const auto& [key, value] : info.fields()) {
        if (key.starts_with(kCommand)) {
            add_command(out, key.substr(kCommand.size()), value);
        } else if (key.starts_with(kError)) {
            out.set("redis_errors_total", {std::string(key.substr(kError.size()))},
                    number_of(part(parts_of(value), "count")));
        } else if (is_numbered(key, "db")) {
            first_database = first_database || key == "db0";
            add_database(out, key, value);
        } else if (is_numbered(key, "slave")) {
            add_replica(out, value);
        }
    }
    if (!first_database) {
        // Redis leaves out empty databases; a dashboard should show 0 rather than nothing.
        add_database(out, "db0", "keys=0,expires=0");
    }
    add_replication(out, info);
    for (auto& family : out.take()) {
        families.push_back(std::move(family));
    }
    return families;
}

std::vector<MetricFamily> scrape_families(std::string_view problem) {
    std::vector<MetricFamily> families;
    for (const auto& row : about_the_scrape()) {
        families.push_back(family_of(row));
    }
    add(families[0], {}, problem.empty() ? 1 : 0);
    add(families[1], {{"err", std::string(problem)}}, problem.empty() ? 0 : 1);
    return families;
}

std::vector<RedisMetric> redis_metric_catalogue() {
    std::vector<RedisMetric> all = about_the_scrape();
    for (const auto& row : kPlain) {
        all.push_back({row.name, row.type, {}, row.help});
    }
    all.insert(all.end(), labelled().begin(), labelled().end());
    return all;
}

}  // namespace portal::agent
