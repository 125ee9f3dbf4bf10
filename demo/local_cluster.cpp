#include "demo/local_cluster.hpp"

#include "config/config_loader.hpp"
#include "demo/cluster_probe.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <signal.h>
#include <sstream>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <fmt/core.h>

namespace portal::demo {

namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kReadyLimit{30000};
constexpr milliseconds kAskAgain{50};
constexpr milliseconds kStopLimit{5000};
constexpr milliseconds kAskRedisAgain{500};
constexpr milliseconds kRestartPause{1000};

constexpr unsigned kNodePorts = 10;  // the first node's port, counted from the base port
constexpr unsigned kAdminPorts = 3000;
constexpr std::size_t kLongestSocketPath = sizeof(sockaddr_un{}.sun_path) - 1;

sigset_t cluster_signals() {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) {
        ::sigaddset(&set, number);
    }
    return set;
}

// Waits until a child ends, the limit passes or the user asks to stop; true in the last case.
bool asked_to_stop(milliseconds limit) {
    const sigset_t set = cluster_signals();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit);
    const timespec time{seconds.count(), std::chrono::nanoseconds(limit - seconds).count()};
    const int number = ::sigtimedwait(&set, nullptr, &time);
    return number > 0 && number != SIGCHLD;
}

std::filesystem::path find_redis_server() {
    const char* path = std::getenv("PATH");
    std::istringstream folders(std::string(path != nullptr ? path : "") + ":/usr/bin:/usr/local/bin");
    for (std::string folder; std::getline(folders, folder, ':');) {
        auto candidate = std::filesystem::path(folder.empty() ? "." : folder) / "redis-server";
        if (::access(candidate.c_str(), X_OK) == 0) {
            return candidate;
        }
    }
    throw ClusterError("redis-server is not installed: run `make demo`, or apt-get install redis-server.");
}

std::string last_line(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::string last;
    for (std::string line; std::getline(in, line);) {
        if (!line.empty()) {
            last = line;
        }
    }
    return last.empty() ? std::string("(its log is empty)") : last;
}

std::string ended_at_start(const std::string& name, const ChildProcess& process, const std::filesystem::path& log) {
    return fmt::format("{} ended at start ({}); the last line of {}: {}", name, process.ending(), log.string(),
                       last_line(log));
}

void check_configuration(const std::string& text, const std::filesystem::path& file) {
    std::string problems;
    for (const config::Problem& problem : config::load_text(text, file.string()).problems) {
        problems += (problems.empty() ? "" : "; ") + problem.message;
    }
    if (!problems.empty()) {
        throw ClusterError("with these settings a portal does not start: " + problems);
    }
}

std::uint16_t port_at(const LocalClusterOptions& options, unsigned offset, const std::string& owner) {
    const unsigned port = options.base_port + offset;
    if (port > 65535) {
        throw ClusterError(fmt::format("port {} for {} does not exist; choose a lower --base-port.", port, owner));
    }
    if (!port_is_free(static_cast<std::uint16_t>(port))) {
        throw ClusterError(fmt::format(
            "port {} for {} is taken; stop what listens there or choose another --base-port.", port, owner));
    }
    return static_cast<std::uint16_t>(port);
}

}  // namespace

void block_cluster_signals() {
    const sigset_t set = cluster_signals();
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
}

LocalCluster::LocalCluster(LocalClusterOptions options, Report report)
    : options_(std::move(options)), report_(std::move(report)) {
    const auto& dir = options_.dir;
    const auto redis_server = find_redis_server();
    for (unsigned i = 0; i < options_.portals; ++i) {
        const std::string name = fmt::format("portal-{}", i);
        portals_.push_back({.files = {.name = name,
                                      .port = port_at(options_, i, name),
                                      .admin_port = port_at(options_, kAdminPorts + i, "the admin page of " + name),
                                      .admin_socket = dir / name / "admin.sock",
                                      .config = dir / name / "portal.yaml",
                                      .log = dir / name / "portal.log"},
                            .process = {}});
        if (auto& socket = portals_.back().files.admin_socket; socket.native().size() > kLongestSocketPath) {
            report_(fmt::format(
                "{} takes no changes (switchover, drain): {} is too long for a socket; with a shorter --dir "
                "it does.",
                name, socket.string()));
            socket.clear();
        }
    }
    for (unsigned i = 0; i < options_.nodes; ++i) {
        const std::string name = fmt::format("redis-{}", i);
        nodes_.push_back({.files = {.name = name,
                                    .port = port_at(options_, kNodePorts + i, name),
                                    .config = dir / name / "redis.conf",
                                    .data = dir / name / "data",
                                    .log = dir / name / "redis.log",
                                    .pid_file = dir / name / "redis.pid"},
                          .start = {redis_server.string(), (dir / name / "redis.conf").string()},
                          .process = {}});
    }
    password_ = random_password();
    shared_ = {.certificate = options_.certificate,
               .key = options_.key,
               .password_file = dir / "password",
               .arbiter_record = dir / "arbiter" / "record"};
}

LocalCluster::~LocalCluster() {
    stop();
}

void LocalCluster::start() {
    std::vector<NodeFiles> node_files;
    for (const Node& node : nodes_) {
        node_files.push_back(node.files);
    }
    std::filesystem::remove(options_.dir / "demo.json");
    std::filesystem::create_directories(shared_.arbiter_record.parent_path());
    write_private_file(shared_.password_file, password_ + "\n");
    // Before any process starts, so that a wrong setting leaves nothing behind.
    std::vector<std::string> portal_texts;
    for (const Portal& portal : portals_) {
        portal_texts.push_back(portal_yaml(portal.files, shared_, node_files, options_.settings));
        check_configuration(portal_texts.back(), portal.files.config);
    }
    for (Node& node : nodes_) {
        std::filesystem::create_directories(node.files.data);
        write_private_file(node.files.config, redis_conf(node.files, password_));
        start_node(node);
    }
    for (std::size_t i = 0; i < portals_.size(); ++i) {
        Portal& portal = portals_[i];
        std::filesystem::create_directories(portal.files.config.parent_path());
        write_private_file(portal.files.config, portal_texts[i]);
        portal.process = ChildProcess({options_.program.string(), "serve", "--config", portal.files.config.string()},
                                      portal.files.log);
    }
}

void LocalCluster::start_node(Node& node) {
    node.process = ChildProcess(node.start, node.files.log);
    node.dead = false;
}

std::size_t LocalCluster::leader() const {
    std::size_t found = nodes_.size();
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (node_leads(nodes_[i].files.port, password_).value_or(false)) {
            if (found != nodes_.size()) {
                return nodes_.size();
            }
            found = i;
        }
    }
    return found;
}

// Empty when all is ready, else the first thing that is not.
std::string LocalCluster::missing() const {
    for (const Node& node : nodes_) {
        if (!node_leads(node.files.port, password_)) {
            return node.files.name + " does not answer (see " + node.files.log.string() + ")";
        }
    }
    for (const Portal& portal : portals_) {
        if (!portal_sees_all_in_sync(portal.files.admin_port, nodes_.size())) {
            return portal.files.name + " knows no leader with all nodes in sync (see " + portal.files.log.string() +
                   ")";
        }
        if (!portal_answers(portal.files.port, options_.ca_file, password_)) {
            return portal.files.name + " does not answer over TLS (see " + portal.files.log.string() + ")";
        }
    }
    return {};
}

void LocalCluster::fail_if_one_ended() {
    for (Node& node : nodes_) {
        if (node.process.reap()) {
            throw ClusterError(ended_at_start(node.files.name, node.process, node.files.log));
        }
    }
    for (Portal& portal : portals_) {
        if (portal.process.reap()) {
            throw ClusterError(ended_at_start(portal.files.name, portal.process, portal.files.log));
        }
    }
}

bool LocalCluster::wait_until_ready() {
    const auto deadline = Clock::now() + kReadyLimit;
    for (;;) {
        fail_if_one_ended();
        const std::string what = missing();
        if (what.empty()) {
            write_description();
            return true;
        }
        if (Clock::now() > deadline) {
            throw ClusterError(
                fmt::format("the cluster is not ready after {} s: {}.", kReadyLimit.count() / 1000, what));
        }
        if (asked_to_stop(kAskAgain)) {
            return false;
        }
    }
}

void LocalCluster::watch(const std::function<void()>& each_second) {
    for (auto next = Clock::now() + kRestartPause;;) {
        if (asked_to_stop(std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(next - Clock::now())))) {
            return;
        }
        report_ended();
        start_dead_nodes();
        if (Clock::now() >= next) {
            next = Clock::now() + kRestartPause;
            each_second();
        }
    }
}

void LocalCluster::report_ended() {
    for (Node& node : nodes_) {
        if (!node.process.reap()) {
            continue;
        }
        node.dead = true;
        report_(fmt::format("{} (pid {}) ended: {}. {}", node.files.name, node.process.pid(), node.process.ending(),
                            options_.restart_nodes ? "It is started again."
                                                   : fmt::format("Start it again with: {} &", shell_line(node.start))));
    }
    for (Portal& portal : portals_) {
        if (portal.process.reap()) {
            report_(fmt::format("{} (pid {}) ended: {}. Its last words: {}", portal.files.name, portal.process.pid(),
                                portal.process.ending(), last_line(portal.files.log)));
        }
    }
}

void LocalCluster::start_dead_nodes() {
    for (Node& node : nodes_) {
        // The pause keeps a node that cannot start from being started without end.
        if (!options_.restart_nodes || !node.dead || Clock::now() < node.process.started() + kRestartPause) {
            continue;
        }
        start_node(node);
        write_description();
        report_(fmt::format("{} runs again, pid {}.", node.files.name, node.process.pid()));
    }
}

void LocalCluster::end_processes(const std::vector<ChildProcess*>& processes, Patience patience) {
    const auto ended = [](ChildProcess* process) { return process->reap() || !process->running(); };
    for (const ChildProcess* process : processes) {
        process->signal(SIGTERM);
        process->signal(SIGCONT);
    }
    const auto deadline = Clock::now() + kStopLimit;
    auto ask_again = Clock::now() + kAskRedisAgain;
    bool killed = false;
    while (!std::all_of(processes.begin(), processes.end(), ended)) {
        const bool impatient = asked_to_stop(kAskAgain);
        if (!killed && (impatient || Clock::now() > deadline)) {
            killed = true;
            for (const ChildProcess* process : processes) {
                process->signal(SIGKILL);
            }
        }
        if (patience == Patience::ask_again && Clock::now() > ask_again) {
            ask_again = Clock::now() + kAskRedisAgain;
            for (const ChildProcess* process : processes) {
                process->signal(SIGTERM);
            }
        }
    }
}

void LocalCluster::end_nodes_started_by_hand() const {
    for (const Node& node : nodes_) {
        pid_t pid = 0;
        std::ifstream(node.files.pid_file) >> pid;
        // A pid may have been given to somebody else since; only redis-server works in this node's data folder.
        std::error_code error;
        const auto folder = std::filesystem::read_symlink(fmt::format("/proc/{}/cwd", pid), error);
        if (pid <= 1 || error || !std::filesystem::equivalent(folder, node.files.data, error)) {
            continue;
        }
        ::kill(pid, SIGTERM);
        ::kill(pid, SIGCONT);
        const auto deadline = Clock::now() + kStopLimit;
        while (::kill(pid, 0) == 0) {
            if (Clock::now() > deadline) {
                ::kill(pid, SIGKILL);
                break;
            }
            asked_to_stop(kAskAgain);
        }
    }
}

void LocalCluster::stop() {
    std::vector<ChildProcess*> portals;
    for (Portal& portal : portals_) {
        portals.push_back(&portal.process);
    }
    std::vector<ChildProcess*> nodes;
    for (Node& node : nodes_) {
        nodes.push_back(&node.process);
    }
    // Portals first, so that none of them sees a lost leader and starts a failover on the way out.
    end_processes(portals, Patience::ask_once);
    end_processes(nodes, Patience::ask_again);
    end_nodes_started_by_hand();
}

void LocalCluster::write_description() const {
    json::array portals;
    for (const Portal& portal : portals_) {
        portals.push_back(json::object{{"name", portal.files.name},
                                       {"host", "127.0.0.1"},
                                       {"port", portal.files.port},
                                       {"admin_port", portal.files.admin_port},
                                       {"admin_url", fmt::format("http://127.0.0.1:{}", portal.files.admin_port)},
                                       {"admin_socket", portal.files.admin_socket.string()},
                                       {"pid", portal.process.pid()},
                                       {"config", portal.files.config.string()},
                                       {"log", portal.files.log.string()}});
    }
    json::array nodes;
    for (const Node& node : nodes_) {
        nodes.push_back(json::object{{"name", node.files.name},
                                     {"host", "127.0.0.1"},
                                     {"port", node.files.port},
                                     {"pid", node.process.pid()},
                                     {"start", json::array(node.start.begin(), node.start.end())},
                                     {"data_dir", node.files.data.string()},
                                     {"log", node.files.log.string()}});
    }
    const json::object description{{"dir", options_.dir.string()}, {"ca_file", options_.ca_file.string()},
                                   {"username", "default"},        {"password", password_},
                                   {"portals", portals},           {"nodes", nodes}};
    write_private_file(options_.dir / "demo.json", json::serialize(description) + "\n");
}

}  // namespace portal::demo
