#include "session/session_context.hpp"

#include "conversation/client_errors.hpp"
#include "session/session.hpp"
#include "session/session_registry.hpp"

#include <algorithm>
#include <utility>

namespace portal::session {

namespace {

/// What the portal answers itself changes nothing at a node; EXEC runs what was let through; SCRIPT LOAD is what
/// EVALSHA_RO needs.
bool may_write(const command::CommandRow& row) {
    return row.write && row.affinity != command::Affinity::local && row.handling != command::Handling::exec &&
           !(row.name == "script" && row.subcommand == "load");
}

resp::RequestLimits limits_of(const config::Config& config, bool authenticated) {
    resp::RequestLimits limits;
    limits.request = config.limits.request_bytes.count + 64 * 1024;
    limits.bulk = static_cast<std::int64_t>(config.limits.request_bytes.count);
    limits.authenticated = authenticated;
    return limits;
}

Deadlines::Durations durations_of(const config::Config& config) {
    return {.handshake = config.limits.handshake_time,
            .output = config.limits.output_time,
            .hold = config.hold.time,
            .idle = config.limits.idle_time};
}

}  // namespace

SessionContext::SessionContext(const Parts& parts)
    : config(parts.config),
      permit(parts.permit),
      turn(parts.turn),
      loop(parts.loop),
      scratch(parts.scratch),
      links(parts.links),
      subscriptions(parts.subscriptions),
      counters(parts.counters),
      registry(parts.registry),
      peers(parts.peers),
      shard(parts.shard),
      shards(std::max(1U, parts.shards)),
      reads_only(parts.reads_only),
      denied(config->commands.deny),
      limits(limits_of(*config, true)),
      unauthenticated_limits(limits_of(*config, false)),
      deadlines(durations_of(*config)),
      handshake_deadlines(config->limits.handshake_time),
      idle_deadlines(config->limits.idle_time),
      hold_deadlines(config->hold.time),
      output_deadlines(config->limits.output_time),
      hold_bytes(config->hold.bytes.count / shards) {
    links.limit_leases(std::max<std::size_t>(1, config->limits.leases / shards));
}

void SessionContext::configure(config::ConfigPtr wanted) {
    config = std::move(wanted);
    denied = command::DenyList(config->commands.deny);
    limits = limits_of(*config, true);
    unauthenticated_limits = limits_of(*config, false);
    deadlines = Deadlines(durations_of(*config));
    handshake_deadlines.change_duration(config->limits.handshake_time);
    idle_deadlines.change_duration(config->limits.idle_time);
    hold_deadlines.change_duration(config->hold.time);
    output_deadlines.change_duration(config->limits.output_time);
    hold_bytes = config->hold.bytes.count / shards;
    links.limit_leases(std::max<std::size_t>(1, config->limits.leases / shards));
    for (Session& each : registry.all) {
        each.on_configured();
    }
}

std::string_view SessionContext::refusal(const command::CommandRow& row,
                                         const resp::RequestView& request) const noexcept {
    if (row.handling == command::Handling::replication) {
        return client_errors::kNoReplication;
    }
    if (denied.denies(row, request)) {
        return client_errors::kDenied;
    }
    return reads_only && may_write(row) ? client_errors::kReadOnly : std::string_view();
}

void SessionContext::note_first_write() noexcept {
    first_write_due = false;
    first_write_at.set(static_cast<std::uint64_t>(turn.now().time_since_epoch().count()));
}

void SessionContext::expire_deadlines(net::Turn::Clock::time_point now) {
    handshake_deadlines.expire(now);
    idle_deadlines.expire(now);
    hold_deadlines.expire(now);
    output_deadlines.expire(now);
    large_keys.forget_old(now);
}

}  // namespace portal::session
