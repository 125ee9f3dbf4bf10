#include "storage/agent_report.hpp"

#include "net/http/json_fields.hpp"

#include <string_view>
#include <utility>

namespace portal::storage {
namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds kAnswerTime{2000};
constexpr unsigned kOk = 200;

std::optional<sentinel::ProcessState> state_named(std::string_view name) {
    using sentinel::ProcessState;
    for (const auto& [known, state] : {std::pair{"working", ProcessState::working},
                                       {"idle", ProcessState::idle},
                                       {"stopped", ProcessState::stopped},
                                       {"ended", ProcessState::ended}}) {
        if (name == known) {
            return state;
        }
    }
    return std::nullopt;
}

}  // namespace

void take_in(AgentReport& report, const boost::json::object& status, sentinel::TimePoint asked_at) {
    report.answers = true;
    report.leaving = net::flag_at(status, "leaving");
    const auto& process = net::object_at(status, "process");
    const auto state = state_named(net::text_at(process, "state"));
    report.process =
        state ? std::optional(sentinel::AgentWord{*state, asked_at, net::text_at(process, "run_id")}) : std::nullopt;
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
    const auto asked_at = sentinel::Clock::now();
    const auto reply = co_await client_.ask(std::move(question), net::HttpClient::Clock::now() + kAnswerTime);
    std::string problem;
    const auto status = reply.status == kOk ? net::parse_object(reply.body, problem) : std::nullopt;
    if (status) {
        take_in(report_, *status, asked_at);
    } else {
        report_.answers = report_.leaving = false;
        report_.process.reset();
    }
}

}  // namespace portal::storage
