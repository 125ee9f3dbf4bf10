// PortalProcess: what the admin port tells, put together from shards, monitor and certificates. Runs on the admin
// thread.
#include "cli/portal_process.hpp"

#include <chrono>

#include <boost/json/array.hpp>
#include <openssl/crypto.h>

namespace portal::cli {

namespace {

namespace json = boost::json;
using observe::Metric;

std::string text_of(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

double number_of(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    boost::system::error_code not_a_number;
    return value != nullptr ? value->to_number<double>(not_a_number) : 0;
}

double flag_of(const json::object& object, std::string_view key) {
    const json::value* value = object.if_contains(key);
    return value != nullptr && value->is_bool() && value->as_bool() ? 1 : 0;
}

std::string_view name_of(config::Proven proven) {
    switch (proven) {
        case config::Proven::off:
            return "off";
        case config::Proven::available:
            return "available";
        case config::Proven::strict:
            return "strict";
    }
    return "unknown";
}

std::string address_text(const config::Address& address) {
    return address.host + ":" + std::to_string(address.port);
}

}  // namespace

std::optional<std::string> PortalProcess::not_ready() const {
    if (draining_.load()) {
        return "draining";
    }
    const std::lock_guard lock(mutex_);
    if (topology_->epoch == replication::Epoch{0}) {
        return "no record has been read yet" + (topology_->reason.empty() ? std::string() : ": " + topology_->reason);
    }
    return std::nullopt;
}

json::object PortalProcess::status() const {
    json::object topology = monitor_->status();
    json::value last_failover;
    if (const json::value* found = topology.if_contains("last_failover")) {
        last_failover = *found;
        topology.erase("last_failover");
    }
    std::uint64_t accepted = 0;
    std::uint64_t shared = 0;
    std::uint64_t pinned = 0;
    std::uint64_t held = 0;
    std::uint64_t unproven = 0;
    for (const observe::ShardCounters* shard : shards_->counters()) {
        accepted += shard->client_connections_accepted.get();
        shared += shard->upstream_links_shared.get();
        pinned += shard->upstream_links_pinned.get();
        held += shard->sessions_held.get();
        unproven += shard->replies_unproven.get();
    }
    json::array certificates;
    json::array confirming;
    std::string state = "ready";
    std::string reason;
    {
        const std::lock_guard lock(mutex_);
        for (std::size_t i = 0; i < certificates_.size(); ++i) {
            if (certificates_[i]) {
                const auto end = certificates_[i]->leaf.not_after;
                const auto left =
                    std::chrono::duration_cast<std::chrono::hours>(end - std::chrono::system_clock::now());
                certificates.emplace_back(json::object{{"listener", address_text(config_.listen[i].address)},
                                                       {"not_after", certs::format_time(end)},
                                                       {"days_left", left.count() / 24}});
            }
        }
        for (const replication::Confirmer& each : topology_->confirming) {
            confirming.emplace_back(each.name);
        }
        if (!topology_->leader) {
            state = "holding";
            reason = topology_->reason;
        } else if (!permit_->valid(std::chrono::steady_clock::now())) {
            state = "holding";
            reason = "the record could not be confirmed in time";
        }
    }
    if (draining_.load()) {
        state = "draining";
    }
    const auto uptime =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_at_);
    return {{"name", config_.name},
            {"version", PORTAL_VERSION},
            {"state", state},
            {"reason", reason},
            {"uptime_seconds", uptime.count()},
            {"topology", std::move(topology)},
            {"sessions",
             {{"current", shards_->open_connections()},
              {"limit", config_.limits.sessions},
              {"accepted", accepted},
              {"held", held}}},
            {"links", {{"shared", shared}, {"pinned", pinned}}},
            {"writes",
             {{"proven", name_of(config_.writes.proven)},
              {"confirming", std::move(confirming)},
              {"waiting_replies", unproven}}},
            {"last_failover", std::move(last_failover)},
            {"certificates", std::move(certificates)}};
}

void PortalProcess::add_samples(std::vector<observe::Sample>& samples) const {
    const json::object monitor = monitor_->status();
    samples.push_back(observe::build_info(OpenSSL_version(OPENSSL_VERSION_STRING)));
    samples.push_back({Metric::ready, {}, not_ready() ? 0.0 : 1.0});
    samples.push_back({Metric::draining, {}, draining_.load() ? 1.0 : 0.0});
    samples.push_back({Metric::client_connections_limit, {}, static_cast<double>(config_.limits.sessions)});
    samples.push_back({Metric::lease_held, {}, flag_of(monitor, "acting_here")});
    samples.push_back({Metric::failsafe_active, {}, flag_of(monitor, "failsafe_active")});
    if (const json::value* calls = monitor.if_contains("arbiter_calls"); calls != nullptr && calls->is_object()) {
        for (const auto& [op, counts] : calls->as_object()) {
            for (const char* result : {"ok", "conflict", "error"}) {
                samples.push_back(
                    {Metric::lease_requests, {std::string(op), result}, number_of(counts.as_object(), result)});
            }
            samples.push_back(
                {Metric::lease_request_seconds, {std::string(op)}, number_of(counts.as_object(), "seconds")});
        }
    }
    {
        const std::lock_guard lock(mutex_);
        samples.push_back({Metric::leader_known, {}, topology_->leader ? 1.0 : 0.0});
        for (const auto mode : {config::Proven::off, config::Proven::available, config::Proven::strict}) {
            samples.push_back(
                {Metric::writes_proven, {std::string(name_of(mode))}, mode == config_.writes.proven ? 1.0 : 0.0});
        }
        samples.push_back({Metric::confirming_replicas, {}, static_cast<double>(topology_->confirming.size())});
        samples.push_back({Metric::leader_epoch, {}, static_cast<double>(topology_->epoch)});
        for (std::size_t i = 0; i < certificates_.size(); ++i) {
            if (certificates_[i]) {
                const auto end = certificates_[i]->leaf.not_after.time_since_epoch();
                samples.push_back({Metric::tls_certificate_not_after,
                                   {address_text(config_.listen[i].address)},
                                   static_cast<double>(std::chrono::duration_cast<std::chrono::seconds>(end).count())});
            }
        }
    }
    const std::string phase = text_of(monitor, "phase");
    samples.push_back({Metric::failover_in_progress, {}, phase == "fencing" ? 1.0 : 0.0});
    if (const json::value* failovers = monitor.if_contains("failovers");
        failovers != nullptr && failovers->is_object()) {
        for (const char* type : {"automatic", "planned"}) {
            samples.push_back({Metric::failovers, {type, "success"}, number_of(failovers->as_object(), type)});
        }
    }
    double leaders = 0;
    if (const json::value* nodes = monitor.if_contains("nodes"); nodes != nullptr && nodes->is_array()) {
        for (const json::value& each : nodes->as_array()) {
            const json::object& node = each.as_object();
            const std::string name = text_of(node, "name");
            const std::string role = text_of(node, "role");
            const bool up = text_of(node, "health") == "up";
            leaders += up && role == "leader" ? 1 : 0;
            samples.push_back({Metric::backend_up, {name}, up ? 1.0 : 0.0});
            for (const char* possible : {"leader", "replica", "unknown"}) {
                samples.push_back({Metric::backend_role, {name, possible}, role == possible ? 1.0 : 0.0});
            }
            if (node.contains("offset")) {
                samples.push_back({Metric::backend_replication_offset, {name}, number_of(node, "offset")});
                samples.push_back({Metric::backend_replication_lag, {name}, number_of(node, "lag_bytes")});
            }
        }
    }
    samples.push_back({Metric::leaders_observed, {}, leaders});
}

}  // namespace portal::cli
