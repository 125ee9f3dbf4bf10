#include "storage/agent_report.hpp"

#include "net/http/json_fields.hpp"

#include <utility>

namespace portal::storage {
namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds kAnswerTime{2000};
constexpr unsigned kOk = 200;

}  // namespace

void take_in(AgentReport& report, const boost::json::object& status) {
    report.answers = true;
    report.leaving = net::flag_at(status, "leaving");
    const auto& volume = net::object_at(status, "volume");
    if (!volume.empty()) {
        report.usage = {net::number_at(volume, "used_bytes"), net::number_at(volume, "available_bytes"),
                        net::number_at(status, "rewrite_bytes")};
    }
}

AgentLink::AgentLink(const config::Address& agent) : client_({{agent.host, agent.port, false}}, {}) {}

asio::awaitable<void> AgentLink::ask() {
    net::HttpRequest question;
    question.target = "/status.json";
    question.repeatable = true;
    const auto reply = co_await client_.ask(std::move(question), net::HttpClient::Clock::now() + kAnswerTime);
    std::string problem;
    const auto status = reply.status == kOk ? net::parse_object(reply.body, problem) : std::nullopt;
    if (status) {
        take_in(report_, *status);
    } else {
        report_.answers = report_.leaving = false;
    }
}

}  // namespace portal::storage
