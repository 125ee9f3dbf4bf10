// What /metrics of the agent answers: the node's figures, those of its volume and of the agent itself.
#pragma once

#include "agent/agent_state.hpp"
#include "observe/metric_catalogue.hpp"
#include "sentinel/control_link.hpp"

#include <span>
#include <string>
#include <string_view>

namespace portal::agent {

inline constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

/// The Prometheus text format. `info` is the reply to INFO all, or what came instead.
[[nodiscard]] std::string metrics_text(const sentinel::Reply& info, const AgentState& state);

/// The agent's own metrics, for the documentation.
[[nodiscard]] std::span<const observe::MetricInfo> agent_metric_catalogue();

}  // namespace portal::agent
