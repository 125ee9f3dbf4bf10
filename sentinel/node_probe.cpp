#include "sentinel/node_probe.hpp"

#include <algorithm>
#include <utility>

namespace portal::sentinel {
namespace asio = boost::asio;
namespace {

/// How often a question that waits is looked after within `deadline`, at least.
constexpr int kLooks = 5;
/// How long a question is kept that has waited for too long already.
constexpr std::chrono::hours kBeyond{1};

ProbeResult result_of(LinkStatus status) {
    switch (status) {
        case LinkStatus::refused:
            return ProbeResult::refused;
        case LinkStatus::broken:
            return ProbeResult::broken;
        default:
            return ProbeResult::silent;
    }
}

}  // namespace

NodeProbe::NodeProbe(asio::any_io_executor executor, config::Node node, SharedLogin login, Timing timing, Report report)
    : node_(node),
      login_(login),
      timing_(timing),
      report_(std::move(report)),
      link_(std::make_shared<ControlLink>(std::move(executor), std::move(node), std::move(login))) {}

void NodeProbe::probe_now() {
    link_->wake();
}

void NodeProbe::stop() {
    stopped_ = true;
    link_->wake();
    link_->close();
}

void NodeProbe::tell(ProbeResult result, TimePoint asked_at, std::string detail) {
    if (!stopped_) {
        const auto signs = result == ProbeResult::silent ? link_->last_signs() : std::nullopt;
        // An answer over a connection on which the process has told its name comes from that process.
        const std::string& run_id = result == ProbeResult::denied ? run_id_ : std::string();
        report_({node_.name, result, asked_at, Clock::now(), std::move(detail), std::nullopt, link_->addresses(), signs,
                 run_id});
    }
}

asio::awaitable<void> NodeProbe::run() {
    const auto self = shared_from_this();
    while (!stopped_) {
        const auto began = Clock::now();
        co_await round();
        if (stopped_ || std::exchange(retry_at_once_, false)) {
            continue;
        }
        const bool still_open = co_await link_->rest(began + timing_.interval);
        if (!still_open && !stopped_) {
            tell(ProbeResult::broken, began, "connection closed by the node");
            link_->close();
        }
    }
}

asio::awaitable<void> NodeProbe::round() {
    const auto asked_at = Clock::now();
    const bool fresh = !link_->connected();
    if (fresh) {
        run_id_.clear();
        const auto connected = co_await link_->connect(asked_at + timing_.deadline);
        if (connected.status != LinkStatus::ok) {
            tell(result_of(connected.status), asked_at, connected.text);
            co_return;
        }
        if (connected.is_error) {
            tell(ProbeResult::denied, asked_at, connected.text);
            link_->close();
            co_return;
        }
    }
    // No process is waited for that has not answered here yet: it may be another one.
    const auto reply = co_await ask(asked_at, fresh ? Milliseconds(0) : timing_.busy_after);
    if (reply.status != LinkStatus::ok) {
        tell(result_of(reply.status), asked_at, reply.text);
        // An old connection that ends may mean a restart; a new one that ends at once may do so for ever.
        retry_at_once_ = reply.status == LinkStatus::broken && !fresh;
        co_return;
    }
    auto report = reply.is_error ? std::nullopt : replication::parse_info(reply.text);
    if (!report) {
        tell(ProbeResult::denied, asked_at, reply.is_error ? reply.text : "INFO names no role");
        co_return;
    }
    run_id_ = report->run_id;
    if (!stopped_) {
        report_({node_.name,
                 ProbeResult::answered,
                 asked_at,
                 Clock::now(),
                 {},
                 std::move(report),
                 link_->addresses(),
                 std::nullopt,
                 run_id_});
    }
    if (fresh) {
        named_.clear();
        co_await tune();
    }
    if (named_ != login_->connection_name) {
        co_await name_itself();
    }
}

/// So that portals with another record see that they are not alone.
asio::awaitable<void> NodeProbe::name_itself() {
    named_ = login_->connection_name;
    const std::vector<std::string> set_name{"CLIENT", "SETNAME", named_};
    (void)co_await link_->request(set_name, Clock::now() + timing_.deadline);
}

/// For as long as the machine acknowledges. One that does not is given up as early as without this.
bool NodeProbe::goes_on(TimePoint asked_at, KernelSigns signs) {
    const auto now = Clock::now();
    if (stopped_ || (now - asked_at >= timing_.deadline && now - signs.acknowledged_at >= timing_.deadline)) {
        return false;
    }
    signs.kept = true;
    report_({node_.name, ProbeResult::waiting, asked_at, now, {}, std::nullopt, link_->addresses(), signs});
    return true;
}

/// Waits while the machine acknowledges, also beyond `busy_after`, since a leader that nobody can take over from goes
/// on; 0: no longer than for `deadline`, whatever it does.
asio::awaitable<Reply> NodeProbe::ask(TimePoint asked_at, Milliseconds busy_after) {
    auto deadline = Clock::now() + timing_.deadline;
    if (busy_after > Milliseconds(0)) {
        deadline += busy_after + kBeyond;
        const auto every = std::min(timing_.interval, timing_.deadline / kLooks);
        link_->keep_vigil({every, [this, asked_at](const KernelSigns& signs) { return goes_on(asked_at, signs); }});
    }
    auto reply = co_await ask_for_sections(deadline);
    link_->keep_vigil({});
    co_return reply;
}

asio::awaitable<Reply> NodeProbe::ask_for_sections(TimePoint deadline) {
    std::vector<std::string> command{"INFO"};
    if (!all_sections_) {
        command.insert(command.end(), {"server", "persistence", "replication", "keyspace", "modules"});
        auto reply = co_await link_->request(command, deadline);
        if (!reply.is_error || reply.text.find("syntax") == std::string::npos) {
            co_return reply;
        }
        all_sections_ = true;
        command.resize(1);
    }
    co_return co_await link_->request(command, deadline);
}

/// Settings that make failovers quick: a leader that stops is missed by its replicas within seconds, and a first
/// synchronization starts without the default delay. A node that does not permit CONFIG works without them.
asio::awaitable<void> NodeProbe::tune() {
    const auto deadline = Clock::now() + timing_.deadline;
    const std::vector<std::string> ping_each_second{"CONFIG", "SET", "repl-ping-replica-period", "1"};
    const std::vector<std::string> sync_at_once{"CONFIG", "SET", "repl-diskless-sync-delay", "0"};
    (void)co_await link_->request(ping_each_second, deadline);
    (void)co_await link_->request(sync_at_once, deadline);
}

}  // namespace portal::sentinel
