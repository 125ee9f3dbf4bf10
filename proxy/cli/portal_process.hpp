// The parts of a running portal put together: shards, monitor, admin port, signals. The one place where the
// data path and the failover path meet, through publish() and report_trouble().
#pragma once

#include "admin/handlers.hpp"
#include "admin/http_server.hpp"
#include "certs/cert_store.hpp"
#include "certs/ending_certificates.hpp"
#include "cli/descriptor_budget.hpp"
#include "cli/file_watch.hpp"
#include "config/config.hpp"
#include "observe/exporter.hpp"
#include "replication/forward_permit.hpp"
#include "sentinel/monitor.hpp"
#include "shard/shard_group.hpp"
#include "storage/caretaker.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace portal::cli {

/// What became of attempts to take over a changed configuration.
struct Reloads {
    std::string sha256;  // of the configuration in use, without names and secrets: equal on portals that are alike
    std::chrono::system_clock::time_point loaded_at{};
    std::string refusal;               // why the last attempt changed nothing; empty: it succeeded
    std::vector<std::string> pending;  // keys that were changed in the file and wait for a restart
    std::uint64_t succeeded = 0;
    std::uint64_t refused = 0;
};

/// About keys that were changed in the file and wait for a restart.
[[nodiscard]] std::string needs_restart_sentence(const std::vector<std::string>& keys);

class PortalProcess {
  public:
    PortalProcess(config::Config config, config::Upkeep upkeep, std::string config_file);
    ~PortalProcess();

    /// Starts everything. The sentence to print when that is not possible, else empty.
    [[nodiscard]] std::string start();
    /// Runs until a signal or a drain ends the process.
    void run();

  private:
    /// Letting clients go.
    struct Drain {
        explicit Drain(boost::asio::io_context& io) : timer(io) {}
        boost::asio::steady_timer timer;
        std::chrono::steady_clock::time_point until{};
        std::chrono::steady_clock::time_point ask_at{};  // those that are still there are asked again to leave
        std::atomic<bool> begun{false};
    };
    /// Whether the loops of the shards turn.
    struct Heartbeats {
        explicit Heartbeats(boost::asio::io_context& io) : timer(io) {}
        boost::asio::steady_timer timer;
        std::vector<std::uint64_t> last;
        std::atomic<bool> stuck{false};
    };
    /// What people are told of the configuration and of what is routed to, as they are now.
    struct Present {
        std::string state;
        std::string reason;
        std::vector<std::string> why;  // what is not as it should be, of what the monitor does not know
        config::ConfigPtr config;
        boost::json::object configuration;
        boost::json::array certificates;
        boost::json::array confirming;
    };

    [[nodiscard]] std::string make_monitor();
    [[nodiscard]] std::string start_admin();
    void publish(replication::TopologyPtr topology, std::function<void()> applied);
    [[nodiscard]] sentinel::ClientTally tally(std::chrono::steady_clock::time_point since) const;
    void begin_drain();
    void stop_listening();
    void watch_drain();
    void wait_for_signal();
    void watch_heartbeats();

    // The configuration, while the process runs (portal_reload.cpp).
    [[nodiscard]] std::string run_by(config::ConfigPtr wanted);
    [[nodiscard]] std::string load_certificates(const config::Config& wanted,
                                                shard::ShardGroup::Certificates& certificates) const;
    [[nodiscard]] std::string take_over();
    void tell_monitor(const config::Config& before);
    void note_pending(const std::vector<std::string>& keys);
    void reload(std::string_view why);
    void begin_watch();
    void watch_files();
    void tell_of_ending_certificates();
    /// An Event, where Kubernetes is used.
    void tell(bool warning, std::string reason, std::string message);

    [[nodiscard]] std::string sentence_of_state() const;

    // For the admin thread.
    [[nodiscard]] admin::AdminHandlers handlers();
    [[nodiscard]] std::optional<std::string> not_ready() const;
    [[nodiscard]] boost::json::object status() const;
    [[nodiscard]] Present present() const;
    void add_certificates(Present& present) const;
    [[nodiscard]] static boost::json::array judge(Present& present, boost::json::value concerns);
    void add_samples(std::vector<observe::Sample>& samples) const;
    void add_configuration_samples(std::vector<observe::Sample>& samples) const;
    void add_volume_samples(std::vector<observe::Sample>& samples) const;

    const config::Upkeep upkeep_;
    const std::string config_file_;
    const DescriptorBudget descriptors_ = DescriptorBudget::claim();
    const std::chrono::steady_clock::time_point started_at_ = std::chrono::steady_clock::now();
    boost::asio::io_context io_{1};
    boost::asio::signal_set signals_{io_};
    FileWatch files_;
    certs::EndingCertificates ending_;
    Drain drain_{io_};
    Heartbeats heartbeats_{io_};

    std::shared_ptr<replication::ProcessSightings> sightings_ = std::make_shared<replication::ProcessSightings>();
    std::shared_ptr<replication::ForwardPermit> permit_ = std::make_shared<replication::ForwardPermit>();
    std::unique_ptr<shard::ShardGroup> shards_;
    std::unique_ptr<sentinel::Monitor> monitor_;
    std::unique_ptr<storage::Caretaker> caretaker_;  // may be empty
    std::unique_ptr<observe::Exporter> exporter_;
    std::unique_ptr<admin::HttpServer> admin_;

    mutable std::mutex mutex_;  // guards what follows; never taken on the data path
    replication::TopologyPtr topology_ = std::make_shared<const replication::Topology>();
    config::ConfigPtr config_;  // changed by the main thread only, which therefore reads it without the lock
    shard::ShardGroup::Certificates certificates_;  // likewise
    Reloads reloads_;
};

}  // namespace portal::cli
