#include "session/session_context.hpp"

#include "conversation/client_errors.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"
#include "session/session_registry.hpp"

#include <algorithm>
#include <utility>

namespace portal::session {

namespace {

Limits limits_of(const config::Config& config) {
    Limits limits;
    limits.logged_in.request = config.limits.request_bytes.count + 64 * 1024;
    limits.logged_in.bulk = static_cast<std::int64_t>(config.limits.request_bytes.count);
    limits.logged_in.authenticated = true;
    limits.before_login = limits.logged_in;
    limits.before_login.authenticated = false;
    return limits;
}

Deadlines::Durations durations_of(const config::Config& config) {
    return {.handshake = config.limits.handshake_time,
            .output = config.limits.output_time,
            .hold = config.hold.time,
            .idle = config.limits.idle_time,
            .block = kBlock};
}

}  // namespace

upstream::LinkIdentity monitor_login(const config::Monitor& monitor) {
    upstream::LinkIdentity login;
    login.username = monitor.username.value_or("default");
    login.password = monitor.password.value_or("");
    return login;
}

SessionContext::SessionContext(const Parts& parts)
    : config(parts.config),
      permit(parts.permit),
      turn(parts.turn),
      loop(parts.loop),
      room{.scratch = parts.scratch, .spare = {}, .gathered = {}, .unit = {}},
      links(parts.links),
      subscriptions(parts.subscriptions),
      counts(parts.counts),
      counters(parts.counters),
      registry(parts.registry),
      peers(parts.peers),
      shard(parts.shard),
      reads_only(parts.reads_only),
      denied(config->commands.deny),
      limits(limits_of(*config)),
      deadlines(durations_of(*config)),
      held{.limit = config->hold.bytes.count / peers.shards()},
      scripts(*this, config->limits.script_bytes.count) {
    links.limit_leases(std::max<std::size_t>(1, config->limits.leases / peers.shards()));
}

void SessionContext::configure(config::ConfigPtr wanted) {
    config = std::move(wanted);
    denied = command::DenyList(config->commands.deny);
    limits = limits_of(*config);
    deadlines.change_durations(durations_of(*config));
    held.limit = config->hold.bytes.count / peers.shards();
    scripts.limit(config->limits.script_bytes.count);
    links.limit_leases(std::max<std::size_t>(1, config->limits.leases / peers.shards()));
    for (Session& each : registry.all) {
        each.connection.on_configured();
    }
}

void SessionContext::use_verifier(identity::VerifierPtr verifier,
                                  std::shared_ptr<const std::vector<std::string>> names) {
    issuer_names = std::move(names);
    tokens.use(std::move(verifier));
    for (Session& each : registry.by_token) {
        each.tokens.judge_again();
    }
}

void SessionContext::check_tokens() {
    for (Session& each : registry.by_token) {
        each.tokens.check();
    }
}

/// What the portal answers itself changes nothing at a node; EXEC runs what was let through; SCRIPT LOAD is what
/// EVALSHA_RO needs; a replica and a cursor
/// only read.
bool SessionContext::may_write(const command::CommandRow& row) noexcept {
    return row.write && row.affinity != command::Affinity::local && row.handling != command::Handling::exec &&
           row.handling != command::Handling::read_on && row.handling != command::Handling::replconf &&
           row.handling != command::Handling::sync && !(row.name == "script" && row.subcommand == "load");
}

void SessionContext::expire(net::Turn::Clock::time_point now) {
    deadlines.expire(now);
    large_keys.forget_old(now);
}

}  // namespace portal::session
