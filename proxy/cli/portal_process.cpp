#include "cli/portal_process.hpp"

#include "admin/admin_responder.hpp"
#include "cli/portal_file.hpp"
#include "cli/service_manager.hpp"
#include "observe/log.hpp"

#include <csignal>
#include <exception>
#include <utility>

#include <boost/asio/post.hpp>

namespace portal::cli {

namespace {

constexpr auto kSource = "portal";
constexpr std::chrono::milliseconds kDrainPoll{20};
/// Changed files are found by then even when no event told of them.
constexpr std::chrono::seconds kFilePoll{30};
constexpr std::chrono::seconds kHeartbeatPoll{5};
constexpr std::chrono::milliseconds kAskToLeave{100};

}  // namespace

PortalProcess::PortalProcess(config::Config config, config::Upkeep upkeep, std::string config_file)
    : upkeep_(std::move(upkeep)),
      config_file_(std::move(config_file)),
      files_(
          io_, [this] { reload("changed files"); }, kFilePoll) {
    descriptors_.fit(config);
    config_ = std::make_shared<const config::Config>(std::move(config));
}

PortalProcess::~PortalProcess() {
    if (admin_) {
        admin_->stop();
    }
    if (caretaker_) {
        caretaker_->stop();
    }
    if (monitor_) {
        monitor_->stop();
    }
    if (shards_) {
        shards_->stop();
    }
}

std::string PortalProcess::start() {
    if (std::string problem = descriptors_.problem(); !problem.empty()) {
        return problem;
    }
    if (const auto* file = std::get_if<config::FileArbiter>(&config_->arbiter);
        file != nullptr && is_emptied_by_reboots(file->path)) {
        observe::log_warn(kSource, "a reboot empties the folder of arbiter.file.path: put the record into /var/lib",
                          {{"path", file->path}});
    }
    begin_watch();
    shards_ = std::make_unique<shard::ShardGroup>(
        config_, permit_,
        [this](const std::string& node, std::string_view why) { monitor_->report_trouble(node, std::string(why)); },
        [this](std::vector<std::string> command) { monitor_->users_changed(std::move(command)); }, sightings_);
    if (std::string problem = run_by(config_); !problem.empty()) {
        return problem;
    }
    if (std::string problem = make_monitor(); !problem.empty()) {
        return problem;
    }
    if (std::string problem = start_admin(); !problem.empty()) {
        return problem;
    }
    if (std::string problem = shards_->listen(descriptors_.connections()); !problem.empty()) {
        return problem;
    }
    shards_->start();
    monitor_->start();
    if (caretaker_) {
        caretaker_->start();
    }
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    signals_.add(SIGHUP);
    wait_for_signal();
    watch_heartbeats();
    observe::log_info(kSource, "serving",
                      {{"name", config_->name}, {"version", PORTAL_VERSION}, {"shards", shards_->size()}});
    notify_service_manager("READY=1");
    return {};
}

/// Monitor and caretaker, not started yet. The sentence that says why that is not possible, else empty.
std::string PortalProcess::make_monitor() {
    try {
        monitor_ = std::make_unique<sentinel::Monitor>(
            *config_, sentinel::make_arbiter(*config_, upkeep_.role.value_or("")), permit_,
            [this](replication::TopologyPtr topology, std::function<void()> applied) {
                publish(std::move(topology), std::move(applied));
            });
        monitor_->note_sightings(sightings_);
        monitor_->watch_clients([this](std::chrono::steady_clock::time_point since) { return tally(since); });
        if (storage::Caretaker::is_needed(*config_, upkeep_)) {
            caretaker_ = std::make_unique<storage::Caretaker>(
                *config_, upkeep_,
                storage::MonitorAccess{[this] { return monitor_->status(); },
                                       [this](std::optional<std::string> to, std::function<void(std::string)> done) {
                                           monitor_->switchover(std::move(to), std::move(done));
                                       },
                                       [this](const std::string& node, sentinel::AgentWord word) {
                                           monitor_->note_process(node, std::move(word));
                                       }});
        }
    } catch (const std::exception& problem) {
        return problem.what();
    }
    return {};
}

std::string PortalProcess::start_admin() {
    exporter_ = std::make_unique<observe::Exporter>(shards_->counters());
    exporter_->add_provider([this](std::vector<observe::Sample>& samples) { add_samples(samples); });
    exporter_->add_provider([this](std::vector<observe::Sample>& samples) { add_volume_samples(samples); });
    exporter_->add_provider(observe::add_log_samples);
    admin::ServerOptions options;
    options.address = config_->admin.address;
    options.socket = config_->admin.socket;
    admin::ChangeAccess access;
    access.socket = config_->admin.socket;
    access.token_file = config_->admin.token_file;
    admin_ = std::make_unique<admin::HttpServer>(options, admin::admin_responder(handlers(), std::move(access)));
    return admin_->start().value_or("");
}

void PortalProcess::run() {
    io_.run();
    shards_->stop_listening();
    observe::log_info(kSource, "stopped", {{"name", config_->name}});
}

void PortalProcess::publish(replication::TopologyPtr topology, std::function<void()> applied) {
    {
        const std::lock_guard lock(mutex_);
        topology_ = topology;
    }
    shards_->publish(topology, std::move(applied));
}

sentinel::ClientTally PortalProcess::tally(std::chrono::steady_clock::time_point since) const {
    sentinel::ClientTally tally;
    tally.first_write = shards_->first_write(since);
    for (const observe::ShardCounters* shard : shards_->counters()) {
        tally.held += shard->commands_held.get();
        tally.sent_again += shard->commands_replayed.get();
        tally.in_doubt += shard->commands_in_doubt.get();
        tally.no_leader += shard->commands_no_leader.get();
        for (const auto reason : {observe::Closed::backend, observe::Closed::in_doubt}) {
            tally.connections += at(shard->client_connections_closed, reason).get();
        }
    }
    return tally;
}

void PortalProcess::wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& cancelled, int signal) {
        if (cancelled) {
            return;
        }
        if (signal == SIGHUP) {
            reload("SIGHUP");
        } else if (drain_.begun.load()) {
            observe::log_info(kSource, "second signal: stopping at once");
            io_.stop();
        } else {
            begin_drain();
        }
        wait_for_signal();
    });
}

void PortalProcess::begin_drain() {
    if (drain_.begun.exchange(true)) {
        return;
    }
    notify_service_manager("STOPPING=1\nSTATUS=letting clients go");
    observe::log_info(kSource, "draining", {{"clients", shards_->open_connections()}});
    drain_.timer.expires_after(config_->drain.delay);
    drain_.timer.async_wait([this](const boost::system::error_code& cancelled) {
        if (!cancelled) {
            stop_listening();
        }
    });
}

/// By now a load balancer has seen that /readyz says no.
void PortalProcess::stop_listening() {
    shards_->stop_listening();
    const auto now = std::chrono::steady_clock::now();
    drain_.until = now + config_->drain.timeout;
    shards_->drain(drain_.until);
    drain_.ask_at = now + kAskToLeave;
    watch_drain();
}

/// A client that sends one command behind another is asked anew until it pauses.
void PortalProcess::watch_drain() {
    const auto now = std::chrono::steady_clock::now();
    if (shards_->open_connections() == 0 || now >= drain_.until) {
        io_.stop();
        return;
    }
    if (now >= drain_.ask_at) {
        drain_.ask_at = now + kAskToLeave;
        shards_->drain(drain_.until);
    }
    drain_.timer.expires_after(kDrainPoll);
    drain_.timer.async_wait([this](const boost::system::error_code& cancelled) {
        if (!cancelled) {
            watch_drain();
        }
    });
}

std::string PortalProcess::sentence_of_state() const {
    const std::string clients = std::to_string(shards_->open_connections()) + " clients";
    const std::lock_guard lock(mutex_);
    return (topology_->leader ? "leader " + topology_->leader->name : "no leader") + ", " + clients;
}

/// A shard whose loop does not turn for two rounds makes /livez fail.
void PortalProcess::watch_heartbeats() {
    heartbeats_.timer.expires_after(kHeartbeatPoll);
    heartbeats_.timer.async_wait([this](const boost::system::error_code& cancelled) {
        if (cancelled) {
            return;
        }
        const std::vector<std::uint64_t> now = shards_->heartbeats();
        bool stuck = false;
        for (std::size_t i = 0; i < heartbeats_.last.size(); ++i) {
            stuck = stuck || now[i] == heartbeats_.last[i];
        }
        heartbeats_.last = now;
        heartbeats_.stuck.store(stuck);
        if (!stuck && !drain_.begun.load()) {
            notify_service_manager("WATCHDOG=1\nSTATUS=" + sentence_of_state());
        }
        tell_of_ending_certificates();
        watch_heartbeats();
    });
}

admin::AdminHandlers PortalProcess::handlers() {
    admin::AdminHandlers handlers;
    handlers.live = [this]() -> std::optional<std::string> {
        return heartbeats_.stuck.load() ? std::optional<std::string>("an event loop does not turn") : std::nullopt;
    };
    handlers.ready = [this] { return not_ready(); };
    handlers.metrics = [this] { return exporter_->render(); };
    handlers.status = [this] { return status(); };
    handlers.switchover = [this](std::optional<std::string> to, admin::Done done) {
        monitor_->switchover(std::move(to), std::move(done));
    };
    handlers.drain = [this] { boost::asio::post(io_, [this] { begin_drain(); }); };
    return handlers;
}

}  // namespace portal::cli
