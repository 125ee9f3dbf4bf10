// The Redis node beside the agent: each question is a connection of its own, so that a probe also sees whether the node
// still takes connections. Holds no state, so any thread may ask.
#pragma once

#include "config/agent_config.hpp"
#include "sentinel/control_link.hpp"

#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

namespace portal::agent {

class LocalRedis {
  public:
    LocalRedis(config::AgentRedis settings, config::Milliseconds answer_time)
        : settings_(std::move(settings)), answer_time_(answer_time) {}

    using Command = std::vector<std::string>;
    /// Connects, logs in and asks, all within the answer time. Ends early with the reply that says why: no connection,
    /// no answer, or an error in place of the login. As many replies as there are commands when all went well; never
    /// none.
    [[nodiscard]] boost::asio::awaitable<std::vector<sentinel::Reply>> ask(std::vector<Command> commands) const;

  private:
    config::AgentRedis settings_;
    config::Milliseconds answer_time_;
};

}  // namespace portal::agent
