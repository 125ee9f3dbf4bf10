// What the agent answers over HTTP: probes, metrics, what the portals ask, and on a port of its own the hand-over.
#pragma once

#include "admin/http_message.hpp"
#include "agent/agent_state.hpp"
#include "config/agent_config.hpp"

namespace portal::agent {

/// /startupz, /livez and /readyz of the node; /healthz of the agent itself; /metrics; /status.json; /handed-over, which
/// answers when the node does not lead any more. Nothing of it changes anything. The references must outlive the
/// server.
[[nodiscard]] admin::Respond agent_responder(const config::AgentConfig& config, const AgentState& state);

/// POST /hand-over, by the agent's socket or token. Answers when it has ended.
[[nodiscard]] admin::Respond hand_over_responder(const config::AgentConfig& config, AgentState& state);

}  // namespace portal::agent
