// What the agent beside a node says, asked over HTTP. The last known usage outlives an agent that does not answer.
#pragma once

#include "net/http/http_client.hpp"
#include "sentinel/observation.hpp"
#include "storage/growth.hpp"

#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

namespace portal::storage {

struct AgentReport {
    bool answers = false;
    bool leaving = false;
    std::optional<sentinel::AgentWord> process;  // of an agent that answers and sees it
    std::optional<Usage> usage;                  // the last one, also of an agent that does not answer any more
};

/// Takes in one answer of /status.json, which was `asked_at`.
void take_in(AgentReport& report, const boost::json::object& status, sentinel::TimePoint asked_at);

class AgentLink {
  public:
    explicit AgentLink(const config::Address& agent);

    /// One question; what it brought is in report() afterwards.
    [[nodiscard]] boost::asio::awaitable<void> ask();
    [[nodiscard]] const AgentReport& report() const { return report_; }
    void close() { client_.close(); }

  private:
    net::HttpClient client_;
    AgentReport report_;
};

}  // namespace portal::storage
