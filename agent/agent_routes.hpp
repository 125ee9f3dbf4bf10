// What the agent answers over HTTP: probes, metrics, what the portals ask, and on a port of its own the hand-over.
#pragma once

#include "admin/http_message.hpp"
#include "agent/agent_state.hpp"
#include "config/agent_config.hpp"

namespace portal::agent {

/// /startupz, /livez and /readyz of the node; /healthz of the agent itself; /metrics; /status.json. The references must
/// outlive the server.
[[nodiscard]] admin::Respond agent_responder(const config::AgentConfig& config, const AgentState& state);

/// /hand-over, by GET too, since the kubelet's hooks know no other method. Answers when it has ended.
[[nodiscard]] admin::Respond hand_over_responder(const config::AgentConfig& config, AgentState& state);

}  // namespace portal::agent
