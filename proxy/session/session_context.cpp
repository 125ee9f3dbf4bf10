#include "session/session_context.hpp"

#include "conversation/client_errors.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"
#include "session/session_registry.hpp"

#include <utility>

namespace portal::session {

namespace {

Limits limits_of(const config::Config& config, std::size_t shards) {
    Limits limits;
    limits.logged_in.request = config.limits.request_bytes.count + 64 * 1024;
    limits.logged_in.bulk = static_cast<std::int64_t>(config.limits.request_bytes.count);
    limits.logged_in.authenticated = true;
    limits.before_login = limits.logged_in;
    limits.before_login.authenticated = false;
    limits.held.limit = config.hold.bytes.count / shards;
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
      commands{.denied = command::DenyList(config->commands.deny), .of_server = {}},
      limits(limits_of(*config, peers.shards())),
      deadlines(durations_of(*config)),
      scripts(*this, config->limits.script_bytes.count) {}

void SessionContext::configure(config::ConfigPtr wanted) {
    config = std::move(wanted);
    commands.denied = command::DenyList(config->commands.deny);
    const std::size_t held = limits.held.used;
    limits = limits_of(*config, peers.shards());
    limits.held.used = held;
    deadlines.change_durations(durations_of(*config));
    scripts.limit(config->limits.script_bytes.count);
    for (Session& each : registry.all) {
        each.connection.on_configured();
    }
}

void SessionContext::use_verifier(identity::VerifierPtr verifier,
                                  std::shared_ptr<const std::vector<std::string>> names) {
    identities.issuer_names = std::move(names);
    identities.verdicts.use(std::move(verifier));
    for (Session& each : registry.by_token) {
        each.tokens.judge_again();
    }
    const identity::VerifierPtr& present = identities.verdicts.verifier();
    for (Session& each : registry.all) {
        if (present != nullptr) {
            each.login.renew_selector(*present);
        }
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
