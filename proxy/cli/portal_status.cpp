// PortalProcess: what the admin port tells, put together from shards, monitor and certificates. Runs on the admin
// thread.
#include "cli/portal_process.hpp"
#include "config/value_rules.hpp"
#include "kubernetes/client.hpp"

#include <chrono>

#include <boost/json/array.hpp>
#include <boost/json/value_from.hpp>
#include <openssl/crypto.h>

namespace portal::cli {

namespace {

namespace json = boost::json;
using observe::Metric;

constexpr double kMillisecondsPerSecond = 1000;

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

/// What stands under that key, which is gone afterwards; `otherwise` when nothing does.
json::value take_out(json::object& object, std::string_view key, json::value otherwise) {
    if (json::value* found = object.if_contains(key)) {
        otherwise = std::move(*found);
        object.erase(key);
    }
    return otherwise;
}

/// What stands under that key: an object for each node, or for each kind of call.
template <class Each>
void for_each_named(const json::object& monitor, std::string_view key, Each each) {
    const json::value* named = monitor.if_contains(key);
    if (named == nullptr || !named->is_object()) {
        return;
    }
    for (const auto& [name, counts] : named->as_object()) {
        each(std::string(name), counts.as_object());
    }
}

void add_probe_samples(const json::object& monitor, std::vector<observe::Sample>& samples) {
    for_each_named(monitor, "probes", [&samples](const std::string& node, const json::object& counts) {
        for (const char* result : {"ok", "denied", "broken", "refused", "timeout"}) {
            samples.push_back({Metric::backend_checks, {node, result}, number_of(counts, result)});
        }
        samples.push_back({Metric::backend_check_seconds, {node}, number_of(counts, "seconds")});
    });
    for_each_named(monitor, "health_changes", [&samples](const std::string& node, const json::object& counts) {
        for (const char* health : {"up", "suspected", "busy", "down"}) {
            samples.push_back({Metric::backend_state_changes, {node, health}, number_of(counts, health)});
        }
    });
}

void add_arbiter_samples(const json::object& monitor, std::vector<observe::Sample>& samples) {
    for_each_named(monitor, "arbiter_calls", [&samples](const std::string& call, const json::object& counts) {
        for (const char* result : {"ok", "conflict", "error"}) {
            samples.push_back({Metric::lease_requests, {call, result}, number_of(counts, result)});
        }
        samples.push_back({Metric::lease_request_seconds, {call}, number_of(counts, "seconds")});
    });
    if (monitor.contains("confirmed_unix")) {
        samples.push_back({Metric::lease_transitions, {}, number_of(monitor, "acting_changes")});
        samples.push_back({Metric::arbiter_last_contact, {}, number_of(monitor, "confirmed_unix")});
    }
}

void add_failover_samples(const json::object& monitor, std::vector<observe::Sample>& samples) {
    const std::string phase = text_of(monitor, "phase");
    samples.push_back({Metric::failover_in_progress, {}, phase == "fencing" ? 1.0 : 0.0});
    if (const json::value* failovers = monitor.if_contains("failovers");
        failovers != nullptr && failovers->is_object()) {
        for (const char* type : {"automatic", "planned"}) {
            const json::object& counts = failovers->as_object();
            samples.push_back({Metric::failovers, {type, "success"}, number_of(counts, type)});
            samples.push_back(
                {Metric::failovers, {type, "aborted"}, number_of(counts, std::string(type) + "_aborted")});
        }
    }
    if (const json::value* last = monitor.if_contains("last_failover");
        last != nullptr && !text_of(last->as_object(), "from").empty()) {
        for (const char* stage : {"detected", "fenced", "promoted", "recorded", "published", "first_write"}) {
            const std::string key = std::string(stage) + "_ms";
            if (last->as_object().contains(key)) {
                samples.push_back({Metric::last_failover_seconds,
                                   {stage},
                                   number_of(last->as_object(), key) / kMillisecondsPerSecond});
            }
        }
    }
    if (monitor.contains("leader_since_unix")) {
        samples.push_back({Metric::leader_changed, {}, number_of(monitor, "leader_since_unix")});
    }
}

void add_node_samples(const json::object& monitor, std::vector<observe::Sample>& samples) {
    double leaders = 0;
    if (const json::value* nodes = monitor.if_contains("nodes"); nodes != nullptr && nodes->is_array()) {
        for (const json::value& each : nodes->as_array()) {
            const json::object& node = each.as_object();
            const std::string name = text_of(node, "name");
            const std::string role = text_of(node, "role");
            const bool up = text_of(node, "health") == "up";
            leaders += up && role == "leader" ? 1 : 0;
            samples.push_back({Metric::backend_up, {name}, up ? 1.0 : 0.0});
            if (node.contains("login_ok")) {
                samples.push_back({Metric::credentials_ok, {name}, flag_of(node, "login_ok")});
            }
            for (const char* possible : {"leader", "replica", "unknown"}) {
                samples.push_back({Metric::backend_role, {name, possible}, role == possible ? 1.0 : 0.0});
            }
            if (node.contains("offset")) {
                samples.push_back({Metric::backend_replication_offset, {name}, number_of(node, "offset")});
            }
            if (node.contains("lag_bytes")) {
                samples.push_back({Metric::backend_replication_lag, {name}, number_of(node, "lag_bytes")});
            }
        }
    }
    samples.push_back({Metric::leaders_observed, {}, leaders});
}

void add_user_samples(const json::object& monitor, std::vector<observe::Sample>& samples) {
    const json::value* users = monitor.if_contains("users");
    if (users == nullptr) {
        return;
    }
    for (const char* action : {"set", "deleted", "refused"}) {
        samples.push_back({Metric::users_told, {action}, number_of(users->as_object(), action)});
    }
    for (const auto& [node, equal] : users->at("equal").as_object()) {
        samples.push_back({Metric::users_equal, {std::string(node)}, equal.as_bool() ? 1.0 : 0.0});
    }
}

double seconds_of(std::chrono::system_clock::time_point time) {
    return static_cast<double>(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
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

}  // namespace

std::optional<std::string> PortalProcess::not_ready() const {
    if (drain_.begun.load()) {
        return "draining";
    }
    const std::lock_guard lock(mutex_);
    if (topology_->epoch == replication::Epoch{0}) {
        return "no record has been read yet" + (topology_->reason.empty() ? std::string() : ": " + topology_->reason);
    }
    if (!topology_->leader && !config_->admin.ready_without_leader) {
        return "no leader" + (topology_->reason.empty() ? std::string() : ": " + topology_->reason);
    }
    return std::nullopt;
}

/// With the lock held.
void PortalProcess::add_certificates(Present& present) const {
    const auto now = std::chrono::system_clock::now();
    for (std::size_t i = 0; i < certificates_.size(); ++i) {
        if (certificates_[i]) {
            const auto end = certificates_[i]->leaf.not_after;
            const auto left = std::chrono::duration_cast<std::chrono::hours>(end - now);
            present.certificates.emplace_back(
                json::object{{"listener", config::AddressRule{}.print(config_->listen[i].address)},
                             {"not_after", certs::format_time(end)},
                             {"days_left", left.count() / 24}});
            if (end - now <= certs::EndingCertificates::kSoon) {
                present.why.push_back("the certificate of " + config::AddressRule{}.print(config_->listen[i].address) +
                                      (end > now ? " ends on " : " ended on ") + certs::format_time(end));
            }
        }
    }
}

PortalProcess::Present PortalProcess::present() const {
    Present present;
    const std::lock_guard lock(mutex_);
    present.config = config_;
    present.configuration = {{"sha256", reloads_.sha256},     {"loaded_at", certs::format_time(reloads_.loaded_at)},
                             {"reloads", reloads_.succeeded}, {"refused", reloads_.refused},
                             {"refusal", reloads_.refusal},   {"needs_restart", json::value_from(reloads_.pending)}};
    add_certificates(present);
    for (const replication::Confirmer& each : topology_->confirming) {
        present.confirming.emplace_back(each.name);
    }
    if (!reloads_.refusal.empty()) {
        present.why.push_back("the changed configuration is refused: " + reloads_.refusal);
    }
    if (!reloads_.pending.empty()) {
        present.why.push_back(needs_restart_sentence(reloads_.pending));
    }
    if (!topology_->leader) {
        present.state = "no_leader";
        present.reason = topology_->reason;
    } else if (!permit_->valid(std::chrono::steady_clock::now())) {
        present.state = "no_leader";
        present.reason = "the record could not be confirmed in time";
    }
    if (drain_.begun.load()) {
        present.state = "draining";
    }
    return present;
}

/// The state in one word and, unless all is well, what is not as it should be.
json::array PortalProcess::judge(Present& present, json::value concerns) {
    json::array why;
    if (present.state == "draining") {
        why.emplace_back("this portal lets its clients go, and ends then");
    } else if (!present.reason.empty()) {
        why.emplace_back(present.reason);
    }
    for (const json::value& each : concerns.is_array() ? concerns.as_array() : json::array{}) {
        why.push_back(each);
    }
    for (const std::string& each : present.why) {
        why.emplace_back(each);
    }
    if (present.state.empty()) {
        present.state = why.empty() ? "ready" : "degraded";
    }
    return why;
}

json::object PortalProcess::status() const {
    json::object topology = monitor_->status();
    json::value last_failover = take_out(topology, "last_failover", nullptr);
    json::value flights = take_out(topology, "flight_recorder", json::array{});
    json::value history = take_out(topology, "history", json::array{});
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
    Present now = present();
    json::array why = judge(now, take_out(topology, "why", json::array{}));
    const auto uptime =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_at_);
    return {{"name", now.config->name},
            {"version", PORTAL_VERSION},
            {"state", now.state},
            {"reason", now.reason},
            {"why", std::move(why)},
            {"uptime_seconds", uptime.count()},
            {"topology", std::move(topology)},
            {"sessions",
             {{"current", shards_->open_connections()},
              {"limit", now.config->limits.sessions},
              {"accepted", accepted},
              {"held", held}}},
            {"links", {{"shared", shared}, {"pinned", pinned}}},
            {"writes",
             {{"proven", name_of(now.config->writes.proven)},
              {"confirming", std::move(now.confirming)},
              {"waiting_replies", unproven}}},
            {"last_failover", std::move(last_failover)},
            {"history", std::move(history)},
            {"flight_recorder", std::move(flights)},
            {"certificates", std::move(now.certificates)},
            {"configuration", std::move(now.configuration)}};
}

void PortalProcess::add_samples(std::vector<observe::Sample>& samples) const {
    json::object monitor = monitor_->status();
    Present now = present();
    (void)judge(now, take_out(monitor, "why", json::array{}));
    for (const char* state : {"ready", "degraded", "no_leader", "draining"}) {
        samples.push_back({Metric::state, {state}, now.state == state ? 1.0 : 0.0});
    }
    samples.push_back(observe::build_info(OpenSSL_version(OPENSSL_VERSION_STRING)));
    samples.push_back({Metric::ready, {}, not_ready() ? 0.0 : 1.0});
    samples.push_back({Metric::draining, {}, drain_.begun.load() ? 1.0 : 0.0});
    samples.push_back({Metric::lease_held, {}, flag_of(monitor, "acting_here")});
    samples.push_back({Metric::failsafe_active, {}, flag_of(monitor, "failsafe_active")});
    add_configuration_samples(samples);
    for (const auto& logins : shards_->logins()) {
        samples.push_back({Metric::token_logins, {logins.issuer, "accepted"}, static_cast<double>(logins.accepted)});
        samples.push_back({Metric::token_logins, {logins.issuer, "refused"}, static_cast<double>(logins.refused)});
        samples.push_back({Metric::token_sessions, {logins.issuer}, static_cast<double>(logins.sessions)});
    }
    add_arbiter_samples(monitor, samples);
    add_failover_samples(monitor, samples);
    add_probe_samples(monitor, samples);
    add_node_samples(monitor, samples);
    add_user_samples(monitor, samples);
}

void PortalProcess::add_configuration_samples(std::vector<observe::Sample>& samples) const {
    const std::lock_guard lock(mutex_);
    samples.push_back({Metric::client_connections_limit, {}, static_cast<double>(config_->limits.sessions)});
    samples.push_back({Metric::config_info, {reloads_.sha256}, 1});
    samples.push_back({Metric::config_last_reload_successful, {}, reloads_.refusal.empty() ? 1.0 : 0.0});
    samples.push_back({Metric::config_last_reload_success, {}, seconds_of(reloads_.loaded_at)});
    samples.push_back({Metric::config_needs_restart, {}, static_cast<double>(reloads_.pending.size())});
    samples.push_back({Metric::config_reloads, {"success"}, static_cast<double>(reloads_.succeeded)});
    samples.push_back({Metric::config_reloads, {"refused"}, static_cast<double>(reloads_.refused)});
    samples.push_back({Metric::leader_known, {}, topology_->leader ? 1.0 : 0.0});
    for (const auto mode : {config::Proven::off, config::Proven::available, config::Proven::strict}) {
        samples.push_back(
            {Metric::writes_proven, {std::string(name_of(mode))}, mode == config_->writes.proven ? 1.0 : 0.0});
    }
    samples.push_back({Metric::confirming_replicas, {}, static_cast<double>(topology_->confirming.size())});
    samples.push_back({Metric::leader_epoch, {}, static_cast<double>(topology_->epoch)});
    for (std::size_t i = 0; i < certificates_.size(); ++i) {
        if (certificates_[i]) {
            samples.push_back({Metric::tls_certificate_not_after,
                               {config::AddressRule{}.print(config_->listen[i].address)},
                               seconds_of(certificates_[i]->leaf.not_after)});
        }
    }
}

void PortalProcess::add_volume_samples(std::vector<observe::Sample>& samples) const {
    for (const auto& [request, count] : kubernetes::denied_requests()) {
        const auto& [verb, resource] = request;
        samples.push_back(
            {Metric::kubernetes_denied, {verb, resource, upkeep_.role.value_or("")}, static_cast<double>(count)});
    }
    if (!caretaker_) {
        return;
    }
    using storage::Blocked;
    for (const auto& view : caretaker_->views()) {
        if (view.usage) {
            samples.push_back({Metric::volume_used, {view.claim}, static_cast<double>(view.usage->used)});
        }
        if (upkeep_.auto_expand) {
            const auto limit = static_cast<double>(upkeep_.auto_expand->limit.count);
            samples.push_back({Metric::volume_limit, {view.claim}, limit});
        }
        if (!view.volume) {
            continue;
        }
        const auto& volume = *view.volume;
        samples.push_back({Metric::volume_capacity, {view.claim}, static_cast<double>(volume.capacity)});
        samples.push_back({Metric::volume_requested, {view.claim}, static_cast<double>(volume.requested)});
        samples.push_back({Metric::volume_expansions, {view.claim, "ok"}, static_cast<double>(volume.grown)});
        samples.push_back({Metric::volume_expansions, {view.claim, "refused"}, static_cast<double>(volume.refused)});
        for (const auto reason : {Blocked::limit, Blocked::cooldown, Blocked::pending, Blocked::failed,
                                  Blocked::unsupported, Blocked::quota, Blocked::denied, Blocked::error}) {
            samples.push_back({Metric::volume_expansion_blocked,
                               {view.claim, std::string(storage::to_string(reason))},
                               volume.blocked == reason ? 1.0 : 0.0});
        }
    }
}

}  // namespace portal::cli
