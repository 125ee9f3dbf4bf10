// Real redis-server processes and portals on loopback, as `redis-portal demo` runs them and the system tests use them.
// Starts, watches and stops processes; talks to them only to see that they are ready. One thread, blocking. The caller
// has blocked SIGINT, SIGTERM, SIGHUP and SIGCHLD; the waits below take them.
#pragma once

#include "demo/child_process.hpp"
#include "demo/cluster_files.hpp"

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace portal::demo {

struct LocalClusterOptions {
    std::filesystem::path dir;      // absolute, exists, private to the user
    std::filesystem::path program;  // redis-portal itself, to run `serve`
    std::filesystem::path ca_file;
    std::filesystem::path certificate;
    std::filesystem::path key;
    std::uint16_t base_port = 6380;
    unsigned nodes = 2;
    unsigned portals = 2;
    std::vector<std::string> settings;  // KEY=VALUE, see portal_yaml
    bool restart_nodes = false;
};

class LocalCluster {
  public:
    using Report = std::function<void(const std::string& line)>;

    struct Node {
        NodeFiles files;
        std::vector<std::string> start;  // the command that starts it
        ChildProcess process;
        bool dead = false;  // ended, and to be started again when its time has come
    };
    struct Portal {
        PortalFiles files;
        ChildProcess process;
    };

    /// Checks that redis-server is there and every port is free; touches no file. Throws ClusterError. `report` gets a
    /// line for everything that happens later.
    LocalCluster(LocalClusterOptions options, Report report);
    /// Stops everything, as stop() does.
    ~LocalCluster();
    LocalCluster(const LocalCluster&) = delete;
    LocalCluster& operator=(const LocalCluster&) = delete;

    /// Writes the files and starts all processes. Throws ClusterError.
    void start();
    /// Returns true once every member answers, each portal knows a leader with all nodes in sync, and demo.json is
    /// written; false when the user asked to stop. Throws ClusterError when a member ends or 30 seconds pass.
    bool wait_until_ready();
    /// Reports processes that end, starts nodes again if asked to; returns when the user asks to stop. Calls
    /// `each_second` about once a second.
    void watch(const std::function<void()>& each_second);
    /// Ends everything that was started, also nodes that the user started again with the command of demo.json; waits
    /// for all. A second request to stop, or five seconds, turn SIGTERM into SIGKILL.
    void stop();

    [[nodiscard]] const std::vector<Node>& nodes() const noexcept { return nodes_; }
    [[nodiscard]] const std::vector<Portal>& portals() const noexcept { return portals_; }
    [[nodiscard]] const std::string& password() const noexcept { return password_; }
    /// Index of the node that leads, as the nodes say now; nodes().size() when none or several do.
    [[nodiscard]] std::size_t leader() const;

  private:
    /// What a process does with SIGTERM: a portal ends its clients in order and takes a second one for haste; Redis may
    /// refuse, as while it writes its first append-only file, and is asked again.
    enum class Patience : std::uint8_t { ask_once, ask_again };

    void start_node(Node& node);
    [[nodiscard]] std::string missing() const;
    void fail_if_one_ended();
    void report_ended();
    void start_dead_nodes();
    void write_description() const;
    void end_processes(const std::vector<ChildProcess*>& processes, Patience patience);
    void end_nodes_started_by_hand() const;

    LocalClusterOptions options_;
    Report report_;
    std::string password_;
    SharedFiles shared_;
    std::vector<Node> nodes_;
    std::vector<Portal> portals_;
};

/// Blocks the signals that LocalCluster waits for, in this process; children get them unblocked.
void block_cluster_signals();

}  // namespace portal::demo
