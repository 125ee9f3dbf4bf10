// A running agent: two HTTP servers and, on the main thread, samples and signals. SIGTERM gives the leadership away,
// and the agent goes on answering until the node has gone.
#pragma once

#include "admin/http_server.hpp"
#include "agent/agent_state.hpp"
#include "agent/local_redis.hpp"
#include "config/agent_config.hpp"

#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace portal::agent {

class AgentProcess {
  public:
    explicit AgentProcess(config::AgentConfig config);
    ~AgentProcess();

    /// Starts everything. The sentence to print when that is not possible, else empty.
    [[nodiscard]] std::string start();
    /// Runs until a signal ends the process.
    void run();

  private:
    boost::asio::awaitable<void> take_samples();
    boost::asio::awaitable<void> leave();
    void sample_volume();
    void wait_for_signal();

    const config::AgentConfig config_;
    const LocalRedis redis_;
    AgentState state_;
    boost::asio::io_context io_{1};
    boost::asio::signal_set signals_{io_};
    bool ending_ = false;
    bool said_unreadable_ = false;
    std::unique_ptr<admin::HttpServer> server_;
    std::unique_ptr<admin::HttpServer> hand_over_server_;
};

}  // namespace portal::agent
