#include "cli/demo_command.hpp"

#include "certs/certificate_authority.hpp"
#include "demo/folder_claim.hpp"
#include "demo/local_cluster.hpp"
#include "demo/witness.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <vector>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/core.h>

namespace portal::cli {

namespace {

struct DemoArguments {
    std::string dir;
    std::uint16_t base_port = 6380;
    unsigned nodes = 2;
    unsigned portals = 2;
    std::vector<std::string> settings;
    bool restart_nodes = false;
    bool traffic = false;
};

// The given folder, made if absent, or a fresh one; private to this user, since it holds keys and a password.
std::filesystem::path demo_folder(const std::string& given) {
    if (!given.empty()) {
        std::error_code error;
        if (std::filesystem::create_directories(given, error)) {
            std::filesystem::permissions(given, std::filesystem::perms::owner_all, error);
        }
        auto dir = std::filesystem::canonical(given, error);
        if (error) {
            throw demo::ClusterError(fmt::format("cannot use the folder {}: {}.", given, error.message()));
        }
        return dir;
    }
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    const bool usable = runtime != nullptr && ::access(runtime, W_OK) == 0;
    std::string name = std::string(usable ? runtime : "/tmp") + "/redis-portal-demo.XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
        throw demo::ClusterError(fmt::format("cannot make the folder {}: {}.", name, std::strerror(errno)));
    }
    return name;
}

void print_welcome(demo::Screen& screen, const demo::LocalCluster& cluster, const std::filesystem::path& dir,
                   const std::filesystem::path& ca_file) {
    std::string text =
        fmt::format("\nEverything answers: {} Redis nodes, {} portals. Data, logs and demo.json are in {}\n",
                    cluster.nodes().size(), cluster.portals().size(), dir.string());
    for (const auto& portal : cluster.portals()) {
        text += fmt::format("\n{}  (pid {}; admin http://127.0.0.1:{}/ with /status.json, /metrics, /readyz)\n",
                            portal.files.name, portal.process.pid(), portal.files.admin_port);
        text += fmt::format("  REDISCLI_AUTH={} {}\n", cluster.password(),
                            demo::shell_line({"redis-cli", "--tls", "--cacert", ca_file.string(), "-p",
                                              std::to_string(portal.files.port)}));
    }
    if (!cluster.portals().empty() && !cluster.portals()[0].files.admin_socket.empty()) {
        const auto& portal = cluster.portals()[0].files;
        const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
        text += fmt::format(
            "\nChange the leader without losing a write; look on:\n  {}\n  {}\n",
            demo::shell_line({program, "switchover", "--admin", "unix:" + portal.admin_socket.string()}),
            demo::shell_line({program, "status", "--admin", fmt::format("http://127.0.0.1:{}", portal.admin_port)}));
    }
    text += "\nBreak it, from another terminal:\n";
    const std::size_t leader = cluster.leader();
    for (std::size_t i = 0; i < cluster.nodes().size(); ++i) {
        const auto& node = cluster.nodes()[i];
        const std::string_view what =
            i != leader ? "a replica: clients notice nothing"
            : cluster.nodes().size() == 1
                ? "the only node: commands wait until it is started again"
                : "the leader: a replica takes over, connections stay, commands wait a moment";
        text += fmt::format("  kill -9 {}   {}, {}\n", node.process.pid(), node.files.name, what);
    }
    for (const auto& node : cluster.nodes()) {
        text += fmt::format("  {} &   starts {} again: it comes back as a replica, nothing is wiped\n",
                            demo::shell_line(node.start), node.files.name);
    }
    for (const auto& portal : cluster.portals()) {
        text += fmt::format("  kill -9 {}   {}: {}\n", portal.process.pid(), portal.files.name,
                            cluster.portals().size() == 1
                                ? "its clients have nowhere to go"
                                : "its clients reconnect to another portal, which acts in failovers from then on");
    }
    screen.say(text + "\nCtrl-C stops everything.");
}

void watch(demo::Screen& screen, demo::LocalCluster& cluster, const std::filesystem::path& ca_file, bool traffic) {
    std::optional<demo::Witness> witness;
    if (traffic) {
        witness.emplace(cluster, ca_file, screen);
    }
    cluster.watch([&witness] {
        if (witness) {
            witness->look();
        }
    });
}

void run_demo(const DemoArguments& arguments) {
    demo::block_cluster_signals();
    const std::filesystem::path dir = demo_folder(arguments.dir);
    const demo::FolderClaim claim(dir);
    const std::filesystem::path certs = dir / "certs";
    demo::Screen screen;
    try {
        demo::LocalCluster cluster({.dir = dir,
                                    .program = std::filesystem::read_symlink("/proc/self/exe"),
                                    .ca_file = certs / "ca.crt",
                                    .certificate = certs / "tls.crt",
                                    .key = certs / "tls.key",
                                    .base_port = arguments.base_port,
                                    .nodes = arguments.nodes,
                                    .portals = arguments.portals,
                                    .settings = arguments.settings,
                                    .restart_nodes = arguments.restart_nodes},
                                   [&screen](const std::string& line) { screen.say(line); });
        certs::init_directory(certs.string(), {"localhost", "127.0.0.1", "::1"}).value();
        screen.say(fmt::format("Starting {} Redis nodes and {} portals in {}", arguments.nodes, arguments.portals,
                               dir.string()));
        cluster.start();
        if (cluster.wait_until_ready()) {
            print_welcome(screen, cluster, dir, certs / "ca.crt");
            watch(screen, cluster, certs / "ca.crt", arguments.traffic);
        }
        screen.say("\nStopping everything.");
        cluster.stop();
    } catch (const std::exception&) {
        // A folder of our own that holds no log yet goes again.
        if (arguments.dir.empty() && !std::filesystem::exists(dir / "redis-0")) {
            std::filesystem::remove_all(dir);
        }
        throw;
    }
    if (arguments.dir.empty()) {
        std::filesystem::remove_all(dir);
    }
}

}  // namespace

void add_demo_command(CLI::App& app, int& exit_status) {
    auto arguments = std::make_shared<DemoArguments>();
    CLI::App* demo = app.add_subcommand(
        "demo", "Start Redis nodes and portals on loopback, with certificates and a password of their own");
    demo->add_option("--dir", arguments->dir,
                     "Folder for data, logs and demo.json; default: a fresh one, removed at the end");
    demo->add_option("--base-port", arguments->base_port,
                     "Portals listen on N, N+1, ...; nodes on N+10, ...; admin pages on N+3000, ...")
        ->check(CLI::Range(1024, 62000))
        ->capture_default_str();
    demo->add_option("--nodes", arguments->nodes, "Number of redis-server processes")
        ->check(CLI::Range(1, 20))
        ->capture_default_str();
    demo->add_option("--portals", arguments->portals, "Number of portals")
        ->check(CLI::Range(0, 10))
        ->capture_default_str();
    demo->add_option("--set", arguments->settings,
                     "KEY=VALUE in the configuration of each portal, such as monitor.down_after=500ms");
    demo->add_flag("--traffic", arguments->traffic,
                   "Run four clients that write, read and check, and show in one line what they see");
    demo->add_flag("--restart-nodes", arguments->restart_nodes, "Start a node again when it ends");
    demo->callback([arguments, &exit_status] {
        try {
            run_demo(*arguments);
            exit_status = 0;
        } catch (const std::exception& problem) {
            fmt::print(stderr, "redis-portal demo: {}\n", problem.what());
            exit_status = 1;
        }
    });
}

}  // namespace portal::cli
