#include "session/session_context.hpp"

#include <algorithm>

namespace portal::session {

namespace {

resp::RequestLimits limits_of(const config::Config& config, bool authenticated) {
    resp::RequestLimits limits;
    limits.request = config.limits.request_bytes.count + 64 * 1024;
    limits.bulk = static_cast<std::int64_t>(config.limits.request_bytes.count);
    limits.authenticated = authenticated;
    return limits;
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
      denied(parts.config.commands.deny),
      limits(limits_of(parts.config, true)),
      unauthenticated_limits(limits_of(parts.config, false)),
      handshake_deadlines(parts.config.limits.handshake_time),
      idle_deadlines(parts.config.limits.idle_time),
      hold_deadlines(parts.config.hold.time),
      stalled_deadlines(parts.config.limits.output_time),
      hold_bytes(parts.config.hold.bytes.count / std::max(1U, parts.shards)) {}

void SessionContext::expire_deadlines(net::Turn::Clock::time_point now) {
    handshake_deadlines.expire(now);
    idle_deadlines.expire(now);
    hold_deadlines.expire(now);
    stalled_deadlines.expire(now);
    large_keys.forget_old(now);
}

}  // namespace portal::session
