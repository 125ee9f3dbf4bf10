#include "observe/metric_catalogue.hpp"

#include <array>
#include <utility>

namespace portal::observe {
namespace {

/// A metric of the shards together with its series: the label values and the slots that hold their numbers.
template <typename Kept>
struct ShardMetric {
    MetricInfo info;
    std::vector<std::pair<std::string_view, const Kept& (*)(const ShardCounters&)>> series;
};

template <auto Member>
const auto& slot(const ShardCounters& shard) {
    return shard.*Member;
}

template <auto Member, auto Reason>
const auto& slot(const ShardCounters& shard) {
    return (shard.*Member)[static_cast<std::size_t>(Reason)];
}

constexpr auto kCounter = MetricType::counter;
constexpr auto kGauge = MetricType::gauge;
constexpr auto kHistogram = MetricType::histogram;

// clang-format off
const std::vector<ShardMetric<Counter>>& table() {
    using S = ShardCounters;
    static const std::vector<ShardMetric<Counter>> rows{
        {{"redis_portal_client_connections", kGauge, {}, "Client connections that are open now."},
         {{"", slot<&S::client_connections>}}},
        {{"redis_portal_client_connections_accepted_total", kCounter, {}, "Client connections admitted."},
         {{"", slot<&S::client_connections_accepted>}}},
        {{"redis_portal_client_connections_rejected_total", kCounter, {"reason"}, "Client connections not admitted."},
         {{"maxclients", slot<&S::client_connections_rejected, Rejected::maxclients>},
          {"draining", slot<&S::client_connections_rejected, Rejected::draining>}}},
        {{"redis_portal_client_connections_closed_total", kCounter, {"reason"}, "Client connections that ended, by cause."},
         {{"client", slot<&S::client_connections_closed, Closed::client>},
          {"quit", slot<&S::client_connections_closed, Closed::quit>},
          {"handshake", slot<&S::client_connections_closed, Closed::handshake>},
          {"protocol", slot<&S::client_connections_closed, Closed::protocol>},
          {"idle", slot<&S::client_connections_closed, Closed::idle>},
          {"output_limit", slot<&S::client_connections_closed, Closed::output_limit>},
          {"killed", slot<&S::client_connections_closed, Closed::killed>},
          {"backend", slot<&S::client_connections_closed, Closed::backend>},
          {"login", slot<&S::client_connections_closed, Closed::login>},
          {"token", slot<&S::client_connections_closed, Closed::token>},
          {"in_doubt", slot<&S::client_connections_closed, Closed::in_doubt>},
          {"gap", slot<&S::client_connections_closed, Closed::gap>},
          {"drain", slot<&S::client_connections_closed, Closed::drain>}}},
        {{"redis_portal_client_received_bytes_total", kCounter, {}, "Bytes received from clients, counted after decryption."},
         {{"", slot<&S::client_received_bytes>}}},
        {{"redis_portal_client_sent_bytes_total", kCounter, {}, "Bytes sent to clients, counted before encryption."},
         {{"", slot<&S::client_sent_bytes>}}},
        {{"redis_portal_tls_handshakes_total", kCounter, {"version"}, "TLS handshakes with clients that succeeded."},
         {{"TLSv1.2", slot<&S::tls12_handshakes>},
          {"TLSv1.3", slot<&S::tls13_handshakes>}}},
        {{"redis_portal_tls_resumed_handshakes_total", kCounter, {}, "Those of the successful TLS handshakes that resumed a session."},
         {{"", slot<&S::tls_resumed_handshakes>}}},
        {{"redis_portal_tls_handshake_failures_total", kCounter, {"reason"}, "TLS handshakes with clients that failed."},
         {{"plaintext", slot<&S::tls_handshake_failures, HandshakeFailure::plaintext>},
          {"version", slot<&S::tls_handshake_failures, HandshakeFailure::version>},
          {"certificate", slot<&S::tls_handshake_failures, HandshakeFailure::certificate>},
          {"timeout", slot<&S::tls_handshake_failures, HandshakeFailure::timeout>},
          {"closed", slot<&S::tls_handshake_failures, HandshakeFailure::closed>},
          {"other", slot<&S::tls_handshake_failures, HandshakeFailure::other>}}},
        {{"redis_portal_proxy_headers_refused_total", kCounter, {}, "Clients closed for want of a PROXY protocol header on a listener that expects one."},
         {{"", slot<&S::proxy_headers_refused>}}},
        {{"redis_portal_commands_total", kCounter, {}, "Commands received from clients, whatever became of them."},
         {{"", slot<&S::commands>}}},
        {{"redis_portal_commands_local_total", kCounter, {}, "Commands that the portal answered itself."},
         {{"", slot<&S::commands_local>}}},
        {{"redis_portal_commands_denied_total", kCounter, {}, "Commands refused by commands.deny, and those that begin replication."},
         {{"", slot<&S::commands_denied>}}},
        {{"redis_portal_protocol_errors_total", kCounter, {}, "Client input that is not RESP; each closes its connection."},
         {{"", slot<&S::protocol_errors>}}},
        {{"redis_portal_error_replies_total", kCounter, {"error"}, "Error replies of Redis passed on to clients, by their first word."},
         {{"ERR", slot<&S::error_replies, ReplyError::err>},
          {"WRONGTYPE", slot<&S::error_replies, ReplyError::wrongtype>},
          {"READONLY", slot<&S::error_replies, ReplyError::readonly>},
          {"LOADING", slot<&S::error_replies, ReplyError::loading>},
          {"MOVED", slot<&S::error_replies, ReplyError::moved>},
          {"NOAUTH", slot<&S::error_replies, ReplyError::noauth>},
          {"NOPERM", slot<&S::error_replies, ReplyError::noperm>},
          {"OOM", slot<&S::error_replies, ReplyError::oom>},
          {"MISCONF", slot<&S::error_replies, ReplyError::misconf>},
          {"other", slot<&S::error_replies, ReplyError::other>}}},
        {{"redis_portal_upstream_links", kGauge, {"kind"}, "Connections to Redis that are open now: shared by many clients, or pinned to one."},
         {{"shared", slot<&S::upstream_links_shared>},
          {"pinned", slot<&S::upstream_links_pinned>}}},
        {{"redis_portal_upstream_connects_total", kCounter, {}, "Connections to Redis that were established."},
         {{"", slot<&S::upstream_connects>}}},
        {{"redis_portal_upstream_connect_failures_total", kCounter, {}, "Connections to Redis that could not be established."},
         {{"", slot<&S::upstream_connect_failures>}}},
        {{"redis_portal_upstream_lost_total", kCounter, {}, "Established connections to Redis that broke."},
         {{"", slot<&S::upstream_lost>}}},
        {{"redis_portal_upstream_sent_bytes_total", kCounter, {}, "Bytes sent to Redis."},
         {{"", slot<&S::upstream_sent_bytes>}}},
        {{"redis_portal_upstream_received_bytes_total", kCounter, {}, "Bytes received from Redis."},
         {{"", slot<&S::upstream_received_bytes>}}},
        {{"redis_portal_upstream_link_leases_total", kCounter, {}, "Pinned links handed to client sessions."},
         {{"", slot<&S::leases>}}},
        {{"redis_portal_upstream_requests_moved_total", kCounter, {},
          "Requests sent on another link because a large reply began to arrive in front of theirs."},
         {{"", slot<&S::requests_moved>}}},
        {{"redis_portal_fences_total", kCounter, {},
          "Questions with a random answer, sent to Redis behind commands that may be answered more or fewer times than once: they prove that the next reply belongs to the next command."},
         {{"", slot<&S::fences>}}},
        {{"redis_portal_fences_broken_total", kCounter, {},
          "Connections to Redis given up because something else came where the answer to such a question belongs: the node, or a module in it, answered more or fewer times than it was asked."},
         {{"", slot<&S::fences_broken>}}},
        {{"redis_portal_sessions_held", kGauge, {}, "Client sessions that wait now for a leader or a link."},
         {{"", slot<&S::sessions_held>}}},
        {{"redis_portal_held_bytes", kGauge, {}, "Bytes of commands that wait now for a leader or a link."},
         {{"", slot<&S::held_bytes>}}},
        {{"redis_portal_commands_held_total", kCounter, {}, "Commands that had to wait for a leader."},
         {{"", slot<&S::commands_held>}}},
        {{"redis_portal_commands_replayed_total", kCounter, {}, "Reads sent again because their answer was lost with a leader."},
         {{"", slot<&S::commands_replayed>}}},
        {{"redis_portal_commands_in_doubt_total", kCounter, {}, "Writes whose outcome is unknown because the leader was lost after they were sent."},
         {{"", slot<&S::commands_in_doubt>}}},
        {{"redis_portal_commands_no_leader_total", kCounter, {}, "Commands refused because no leader appeared within the hold time."},
         {{"", slot<&S::commands_no_leader>}}},
        {{"redis_portal_scripts_known", kGauge, {}, "Scripts that Redis has accepted and that the next leader is to know; each shard counts its own."},
         {{"", slot<&S::scripts_known>}}},
        {{"redis_portal_script_bytes", kGauge, {}, "Bytes of these scripts, bounded by limits.script_bytes for each shard; shards share one copy of a script."},
         {{"", slot<&S::script_bytes>}}},
        {{"redis_portal_scripts_loaded_total", kCounter, {"result"},
          "Scripts that a node did not know when it was to serve clients: loaded by the portal, or refused or not answered in time, so that EVALSHA gets NOSCRIPT."},
         {{"loaded", slot<&S::scripts_loaded>}, {"failed", slot<&S::scripts_not_loaded>}}},
        {{"redis_portal_proofs_total", kCounter, {"result"},
          "Rounds in which replicas were asked to confirm writes (writes.proven): proven, or not confirmed in time."},
         {{"proven", slot<&S::proofs>}, {"unconfirmed", slot<&S::proofs_failed>}}},
        {{"redis_portal_replies_unproven", kGauge, {}, "Replies to writes that wait now for replicas to confirm."},
         {{"", slot<&S::replies_unproven>}}},
        {{"redis_portal_commands_unproven_total", kCounter, {}, "Writes answered NOPROOF, since no replica confirmed within the hold time."},
         {{"", slot<&S::commands_unproven>}}},
        {{"redis_portal_subscribed_names", kGauge, {}, "Channels and patterns subscribed to at the leader: each once per shard and user, however many clients listen."},
         {{"", slot<&S::subscribed_names>}}},
        {{"redis_portal_messages_received_total", kCounter, {}, "Published messages that Redis sent to this portal."},
         {{"", slot<&S::messages_received>}}},
        {{"redis_portal_messages_delivered_total", kCounter, {}, "Published messages handed to clients, one for each receiver."},
         {{"", slot<&S::messages_delivered>}}},
        {{"redis_portal_message_gaps_total", kCounter, {"reason"}, "Connections with subscriptions that were lost, so that messages may be lost: to the same leader, or because another node leads."},
         {{"link_lost", slot<&S::message_gaps, Gap::link_lost>},
          {"leader_changed", slot<&S::message_gaps, Gap::leader_changed>}}},
        {{"redis_portal_message_gap_names_total", kCounter, {}, "Channels and patterns that were subscribed to on those connections."},
         {{"", slot<&S::message_gap_names>}}},
        {{"redis_portal_message_gap_subscribers_total", kCounter, {}, "Clients that listened there, each once for each gap; with pubsub.on_gap: close those were closed."},
         {{"", slot<&S::message_gap_subscribers>}}},
        {{"redis_portal_subscriber_counts_refused_total", kCounter, {}, "Messages in the portals' own channel that no portal of this cluster has sealed: somebody else publishes there, or monitor.password differs."},
         {{"", slot<&S::counts_refused>}}},
        {{"redis_portal_maintenance_clients", kGauge, {"endpoint"}, "Clients that have asked to be told of maintenance (CLIENT MAINT_NOTIFICATIONS), by how they want to be told where to go."},
         {{"any", slot<&S::maintenance_clients, NoticeEndpoint::any>},
          {"internal-ip", slot<&S::maintenance_clients, NoticeEndpoint::internal_ip>},
          {"internal-fqdn", slot<&S::maintenance_clients, NoticeEndpoint::internal_fqdn>},
          {"external-ip", slot<&S::maintenance_clients, NoticeEndpoint::external_ip>},
          {"external-fqdn", slot<&S::maintenance_clients, NoticeEndpoint::external_fqdn>},
          {"none", slot<&S::maintenance_clients, NoticeEndpoint::none>}}},
        {{"redis_portal_maintenance_notices_total", kCounter, {"kind"}, "Notices that such clients were sent: commands wait for a leader, they go on, the portal goes away."},
         {{"failing_over", slot<&S::maintenance_notices, MaintenanceNotice::failing_over>},
          {"failed_over", slot<&S::maintenance_notices, MaintenanceNotice::failed_over>},
          {"moving", slot<&S::maintenance_notices, MaintenanceNotice::moving>}}},
        {{"redis_portal_maintenance_moves_total", kCounter, {"result"}, "Clients that were told that the portal goes away: left by themselves, or closed by it at the end."},
         {{"left", slot<&S::clients_moved>}, {"cut", slot<&S::clients_cut>}}},
        {{"redis_portal_event_loop_turns_total", kCounter, {}, "Turns of the shards' event loops that sent something."},
         {{"", slot<&S::turns>}}},
    };
    return rows;
}

const std::vector<ShardMetric<Durations>>& histogram_table() {
    using S = ShardCounters;
    static const std::vector<ShardMetric<Durations>> rows{
        {{"redis_portal_tls_handshake_duration_seconds", kHistogram, {}, "Time from accepting a client to the end of its TLS handshake, of those that succeeded."},
         {{"", slot<&S::handshake_times>}}},
        {{"redis_portal_command_duration_seconds", kHistogram, {"class"},
          "Time from reading a command to its reply to the client, waits for a leader included. Of each client one command at a time is timed, and only commands sent to Redis."},
         {{"read", slot<&S::command_times, CommandClass::read>},
          {"write", slot<&S::command_times, CommandClass::write>},
          {"blocking", slot<&S::command_times, CommandClass::blocking>}}},
        {{"redis_portal_proof_duration_seconds", kHistogram, {}, "Time that rounds took which have proved writes (writes.proven)."},
         {{"", slot<&S::proof_times>}}},
        {{"redis_portal_event_loop_lag_seconds", kHistogram, {}, "Time that each turn of the shards' event loops took: what comes meanwhile waits for its end."},
         {{"", slot<&S::turn_times>}}},
    };
    return rows;
}

const std::array<MetricInfo, static_cast<std::size_t>(Metric::count)>& provided() {
    static const std::array<MetricInfo, static_cast<std::size_t>(Metric::count)> rows{{
        {"redis_portal_build_info", kGauge, {"version", "revision", "compiler", "openssl"}, "Always 1; the labels say what runs."},
        {"redis_portal_ready", kGauge, {}, "1 while /readyz says yes."},
        {"redis_portal_draining", kGauge, {}, "1 while the portal lets its clients go before it ends."},
        {"redis_portal_state", kGauge, {"state"}, "1 for the state of the portal (ready, degraded, no_leader or draining), 0 for the others; /status.json says why it is degraded."},
        {"redis_portal_client_connections_limit", kGauge, {}, "Client connections that the configuration allows (limits.sessions)."},
        {"redis_portal_leader_known", kGauge, {}, "1 while this portal has a leader to forward to."},
        {"redis_portal_leader_changed_timestamp_seconds", kGauge, {}, "Unix time since which this portal knows the present leader as the leader."},
        {"redis_portal_leader_epoch", kGauge, {}, "Epoch of the topology that this portal routes by; it grows with each change of leader."},
        {"redis_portal_leaders_observed", kGauge, {}, "Nodes that claim to be leader; 1 is right."},
        {"redis_portal_writes_proven", kGauge, {"mode"}, "1 for the mode of proven writes that the configuration asks for (off, available or strict), 0 for the others."},
        {"redis_portal_confirming_replicas", kGauge, {}, "Replicas that must confirm a proven write before it is answered."},
        {"redis_portal_backend_up", kGauge, {"backend"}, "1 while probes of the node succeed."},
        {"redis_portal_backend_role", kGauge, {"backend", "role"}, "1 for the role that the node has (leader, replica or unknown), 0 for the others."},
        {"redis_portal_backend_replication_offset_bytes", kGauge, {"backend"}, "Replication offset that the node reported last."},
        {"redis_portal_backend_replication_lag_bytes", kGauge, {"backend"}, "Bytes by which the replica is behind the leader."},
        {"redis_portal_credentials_ok", kGauge, {"backend"}, "1 while the node takes the monitor's login on a fresh connection, which is tried every 30 s; 0 while it refuses it; no sample while it does not answer."},
        {"redis_portal_users_equal", kGauge, {"backend"}, "1 while the node has the users (ACL) that acl.assert wants, 0 while it refuses them or is still being told; only on the portal that acts, and while the node is up."},
        {"redis_portal_users_told_total", kCounter, {"action"}, "Users that this portal has set or deleted at nodes to make them equal, and what nodes refused of that (action set, deleted or refused)."},
        {"redis_portal_backend_checks_total", kCounter, {"backend", "result"}, "Probes of the node (result ok, denied, broken, refused or timeout)."},
        {"redis_portal_backend_check_seconds_total", kCounter, {"backend"}, "Time that the answers to those probes have taken together that ended ok."},
        {"redis_portal_backend_state_changes_total", kCounter, {"backend", "to"}, "Times that the node was seen to be up, suspected, busy or down and had not been before."},
        {"redis_portal_lease_held", kGauge, {}, "1 while this portal holds the acting role."},
        {"redis_portal_lease_transitions_total", kCounter, {}, "Times that this portal saw another portal act than before."},
        {"redis_portal_arbiter_last_contact_timestamp_seconds", kGauge, {}, "Unix time as of which the arbiter last confirmed the record."},
        {"redis_portal_lease_requests_total", kCounter, {"op", "result"}, "Calls of the arbiter (op read, write or mark; result ok, conflict or error)."},
        {"redis_portal_lease_request_seconds_total", kCounter, {"op"}, "Time that the calls of the arbiter have taken together."},
        {"redis_portal_failsafe_active", kGauge, {}, "1 while this portal goes on without the arbiter, since all nodes agree who leads."},
        {"redis_portal_failovers_total", kCounter, {"type", "result"}, "Changes of leader that this portal carried out (type automatic or planned; result success, or aborted: the same node leads on)."},
        {"redis_portal_failover_in_progress", kGauge, {}, "1 while a change of leader is going on."},
        {"redis_portal_last_failover_seconds", kGauge, {"stage"}, "From the first sign of trouble to each stage of the last change of leader, as this portal saw it."},
        {"redis_portal_tls_certificate_not_after_timestamp_seconds", kGauge, {"listener"}, "Unix time at which the certificate of the listener expires."},
        {"redis_portal_config_info", kGauge, {"sha256"}, "Always 1; the label is a hash of the configuration in use, without this portal's name and without secrets."},
        {"redis_portal_config_last_reload_successful", kGauge, {}, "0 while a changed configuration, certificate or secret is refused and the old one stays."},
        {"redis_portal_config_last_reload_success_timestamp_seconds", kGauge, {}, "Unix time at which the configuration in use was taken over."},
        {"redis_portal_config_reloads_total", kCounter, {"result"}, "Attempts to take over a changed configuration, certificate or secret (result success or refused)."},
        {"redis_portal_config_needs_restart", kGauge, {}, "Keys that were changed in the configuration file and that the portal takes over only when it is started again."},
        {"redis_portal_log_messages_total", kCounter, {"level"}, "Log lines by level."},
        {"redis_portal_log_messages_dropped_total", kCounter, {}, "Log lines dropped because standard error was read too slowly."},
        {"redis_portal_volume_capacity_bytes", kGauge, {"pvc"}, "Size that the node's volume has."},
        {"redis_portal_volume_used_bytes", kGauge, {"pvc"}, "What is used of its file system, as the agent beside the node said last."},
        {"redis_portal_volume_requested_bytes", kGauge, {"pvc"}, "Size that the volume's claim asks for."},
        {"redis_portal_volume_limit_bytes", kGauge, {"pvc"}, "Size beyond which the portals do not make it grow."},
        {"redis_portal_volume_expansions_total", kCounter, {"pvc", "result"}, "Steps by which this portal asked for a larger volume (result ok or refused)."},
        {"redis_portal_volume_expansion_blocked", kGauge, {"pvc", "reason"}, "1 while the volume should grow and does not (reason limit, cooldown, pending, failed, unsupported, quota, denied or error)."},
        {"redis_portal_token_logins_total", kCounter, {"issuer", "result"}, "Logins by token (result accepted or refused), by the issuer's name in the configuration; other: of none of them."},
        {"redis_portal_token_sessions", kGauge, {"issuer"}, "Clients that are logged in with a token of the issuer."},
        {"redis_portal_kubernetes_denied_total", kCounter, {"verb", "resource", "role"}, "Requests that the API server denied (403); the Role named lacks the verb."},
    }};
    return rows;
}
// clang-format on

template <typename Kept>
std::vector<MetricInfo> infos_of(const std::vector<ShardMetric<Kept>>& rows) {
    std::vector<MetricInfo> list;
    for (const auto& row : rows) {
        list.push_back(row.info);
    }
    return list;
}

template <typename Series, typename Kept>
std::vector<Series> series_of(const std::vector<ShardMetric<Kept>>& rows) {
    std::vector<Series> list;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        for (const auto& [label_value, kept] : rows[i].series) {
            list.push_back({i, label_value, kept});
        }
    }
    return list;
}

}  // namespace

std::span<const MetricInfo> shard_metrics() {
    static const std::vector<MetricInfo> infos = infos_of(table());
    return infos;
}

std::span<const ShardSeries> shard_series() {
    static const std::vector<ShardSeries> series = series_of<ShardSeries>(table());
    return series;
}

std::span<const MetricInfo> shard_histograms() {
    static const std::vector<MetricInfo> infos = infos_of(histogram_table());
    return infos;
}

std::span<const ShardDurations> shard_durations() {
    static const std::vector<ShardDurations> series = series_of<ShardDurations>(histogram_table());
    return series;
}

std::span<const MetricInfo> provided_metrics() {
    return provided();
}

std::span<const MetricInfo> process_metrics_info() {
    static const std::array<MetricInfo, 6> rows{{
        {"process_cpu_seconds_total", kCounter, {}, "User and system CPU time used, in seconds."},
        {"process_resident_memory_bytes", kGauge, {}, "Resident memory in bytes."},
        {"process_virtual_memory_bytes", kGauge, {}, "Virtual memory in bytes."},
        {"process_open_fds", kGauge, {}, "Open file descriptors."},
        {"process_max_fds", kGauge, {}, "File descriptors that the process may open."},
        {"process_start_time_seconds", kGauge, {}, "Unix time at which the process started."},
    }};
    return rows;
}

const MetricInfo& info(Metric metric) {
    return provided()[static_cast<std::size_t>(metric)];
}

}  // namespace portal::observe
