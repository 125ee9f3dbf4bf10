#include "cli/check_connect.hpp"

#include "certs/cert_store.hpp"
#include "certs/certificate_description.hpp"
#include "certs/ending_certificates.hpp"
#include "cli/portal_file.hpp"
#include "config/value_rules.hpp"
#include "replication/info_parser.hpp"
#include "sentinel/arbiter/arbiter.hpp"
#include "sentinel/control_link.hpp"
#include "sentinel/login_check.hpp"
#include "sentinel/twins.hpp"

#include <chrono>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <unistd.h>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <fmt/format.h>

namespace portal::cli {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr milliseconds kNodeTime{3000};
constexpr milliseconds kGrace{500};  // for what has a deadline of its own
constexpr milliseconds kArbiterTime{6000};

struct NodeAnswer {
    std::string complaint;  // empty: it answers, and `report` is there
    bool refuses_login = false;
    std::optional<replication::NodeReport> report;
};

asio::awaitable<NodeAnswer> ask_node(std::shared_ptr<sentinel::ControlLink> link) {
    const auto deadline = sentinel::Clock::now() + kNodeTime;
    auto reply = co_await link->connect(deadline);
    if (reply.good()) {
        const std::vector<std::string> info{"INFO"};
        reply = co_await link->request(info, deadline);
    }
    link->close();
    if (!reply.good()) {
        co_return NodeAnswer{reply.text, reply.is_error && sentinel::is_refused_login(reply.text), std::nullopt};
    }
    auto report = replication::parse_info(reply.text);
    const std::string complaint = report ? "" : "its answer to INFO names no role; is this a Redis server?";
    co_return NodeAnswer{complaint, false, std::move(report)};
}

/// Nothing when it does not end within `limit`.
template <class Result>
std::optional<Result> finish(asio::io_context& io, asio::awaitable<Result> operation, milliseconds limit) {
    constexpr milliseconds kStep{50};
    auto result = asio::co_spawn(io, std::move(operation), asio::use_future);
    const auto give_up = std::chrono::steady_clock::now() + limit;
    const auto ended = [&] { return result.wait_for(milliseconds(0)) == std::future_status::ready; };
    while (!ended() && std::chrono::steady_clock::now() < give_up) {
        io.restart();
        io.run_one_for(kStep);
    }
    return ended() ? std::optional(result.get()) : std::nullopt;
}

std::string role_of(const replication::NodeReport& report) {
    return report.role == replication::Role::leader
               ? "leads"
               : fmt::format("follows {}:{}", report.leader.host, report.leader.port);
}

void try_nodes(const config::Config& config, config::Findings& findings, Trial& trial) {
    std::map<std::string, std::string> processes;  // run id -> node
    for (std::size_t i = 0; i < config.nodes.size(); ++i) {
        const auto& node = config.nodes[i];
        asio::io_context io{1};
        const auto link = std::make_shared<sentinel::ControlLink>(
            io.get_executor(), node, sentinel::shared_login({config.monitor.username, config.monitor.password}));
        const auto answer = finish(io, ask_node(link), kNodeTime + kGrace);
        const std::string complaint = answer ? answer->complaint : "no answer in time";
        if (!complaint.empty()) {
            const bool login = answer && answer->refuses_login;
            findings.complain(
                fmt::format("nodes[{}].address", i),
                node.name + (login ? " refuses the monitor's login: " : " cannot be reached: ") + complaint);
            continue;
        }
        const auto& report = *answer->report;
        trial.good.push_back(fmt::format("{} answers at {}: Redis {}, {}, {} keys", node.name,
                                         config::AddressRule{}.print(node.address), report.version, role_of(report),
                                         report.keys));
        if (report.cluster) {
            findings.complain(fmt::format("nodes[{}].address", i), replication::why_no_cluster(node.name));
        }
        const auto [first, fresh] = processes.try_emplace(report.run_id, node.name);
        if (!report.run_id.empty() && !fresh) {
            findings.complain(fmt::format("nodes[{}].address", i), sentinel::twins_sentence(first->second, node.name));
        }
    }
}

/// What serve would make on its first start. True when there is nothing more to look at.
bool is_yet_to_be_made(const config::FileArbiter& file, config::Findings& findings, Trial& trial) {
    namespace fs = std::filesystem;
    const fs::path folder = fs::absolute(file.path + ".d");
    std::error_code failed;
    if (fs::exists(folder, failed)) {
        return false;
    }
    fs::path there = folder.parent_path();
    while (!fs::exists(there, failed) && there.has_relative_path()) {
        there = there.parent_path();
    }
    if (::access(there.c_str(), W_OK) == 0) {
        trial.good.push_back("file " + file.path + " is made when the first portal starts");
    } else {
        findings.complain("arbiter.file.path", "cannot be made: " + there.string() + " may not be written to");
    }
    return true;
}

/// Under a name of its own, so that a portal that runs is not in the way.
void try_arbiter(config::Config config, config::Findings& findings, Trial& trial) {
    config.name += ".check";
    const auto* file = std::get_if<config::FileArbiter>(&config.arbiter);
    if (file != nullptr && is_emptied_by_reboots(file->path)) {
        trial.remarks.push_back("a reboot empties the folder of " + file->path + ": put the record into /var/lib");
    }
    if (file != nullptr && is_yet_to_be_made(*file, findings, trial)) {
        return;
    }
    try {
        asio::io_context io{1};
        const auto arbiter = sentinel::make_arbiter(config);
        const auto result = finish(io, arbiter->read(), kArbiterTime);
        const std::string complaint = !result ? "no answer in time" : result->snapshot ? "" : result->error;
        if (!complaint.empty()) {
            findings.complain("arbiter", arbiter->describe() + " cannot be used: " + complaint);
        } else {
            const auto& record = result->snapshot->record;
            trial.good.push_back(arbiter->describe() + " answers: " +
                                 (record ? fmt::format("epoch {}, leader {}", static_cast<std::uint64_t>(record->epoch),
                                                       record->leader.empty() ? "none yet" : record->leader)
                                         : "no record yet"));
        }
        arbiter->close();
    } catch (const std::exception& error) {
        findings.complain("arbiter", error.what());
    }
    if (file != nullptr) {  // what that name has left behind
        std::error_code ignored;
        std::filesystem::remove(file->path + ".d/" + config.name + ".lock", ignored);
    }
}

void look_at_certificates(const config::Config& config, Trial& trial) {
    const auto now = std::chrono::system_clock::now();
    for (const auto& listener : config.listen) {
        if (!listener.tls) {
            continue;
        }
        const auto pair = certs::load_pair({listener.tls->certificate, listener.tls->key, listener.tls->client_ca});
        if (!pair) {
            continue;  // check has complained
        }
        const auto end = (*pair)->leaf.not_after;
        const auto text = fmt::format("the certificate of {} ends on {}", config::AddressRule{}.print(listener.address),
                                      certs::format_time(end));
        (end - now <= certs::EndingCertificates::kSoon ? trial.remarks : trial.good).push_back(text);
    }
}

}  // namespace

Trial try_connections(const config::Config& config, config::Findings& findings) {
    Trial trial;
    try_nodes(config, findings, trial);
    try_arbiter(config, findings, trial);
    look_at_certificates(config, trial);
    return trial;
}

}  // namespace portal::cli
