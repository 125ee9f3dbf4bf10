#include "cli/portal_process.hpp"

#include "config/config_loader.hpp"
#include "observe/log.hpp"

#include <csignal>
#include <exception>
#include <sys/resource.h>
#include <utility>

#include <boost/asio/post.hpp>

namespace portal::cli {

namespace {

constexpr auto kSource = "portal";
/// After SIGTERM clients that are in the middle of something (blocked, subscribed) may go on for this long.
constexpr std::chrono::seconds kDrainTime{10};
constexpr std::chrono::milliseconds kDrainPoll{20};
constexpr std::chrono::seconds kCertificatePoll{30};
constexpr std::chrono::seconds kHeartbeatPoll{5};
constexpr rlim_t kSpareDescriptors = 512;

/// What the configuration asks for and this version cannot keep; nothing is promised silently.
std::string unavailable(const config::Config& config) {
    for (const config::Node& node : config.nodes) {
        if (node.tls) {
            return "node " + node.name + ": this version reaches nodes without TLS only; remove nodes[].tls";
        }
    }
    return {};
}

/// As many descriptors as the system lets us have; a warning when the configured sessions do not fit.
void raise_descriptor_limit(std::uint32_t sessions) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < sessions + kSpareDescriptors) {
        observe::log_warn(kSource,
                          "fewer file descriptors than limits.sessions needs; raise the hard limit of open files",
                          {{"limit", static_cast<std::uint64_t>(limit.rlim_cur)}, {"sessions", sessions}});
    }
}

}  // namespace

PortalProcess::PortalProcess(config::Config config, std::string config_file)
    : config_(std::move(config)), config_file_(std::move(config_file)) {}

PortalProcess::~PortalProcess() {
    if (admin_) {
        admin_->stop();
    }
    if (monitor_) {
        monitor_->stop();
    }
    if (shards_) {
        shards_->stop();
    }
}

std::string PortalProcess::start() {
    if (std::string problem = unavailable(config_); !problem.empty()) {
        return problem;
    }
    raise_descriptor_limit(config_.limits.sessions);
    shards_ = std::make_unique<shard::ShardGroup>(
        config_, permit_,
        [this](const std::string& node, std::string_view why) { monitor_->report_trouble(node, std::string(why)); });
    if (std::string problem = load_certificates(); !problem.empty()) {
        return problem;
    }
    try {
        monitor_ = std::make_unique<sentinel::Monitor>(
            config_, sentinel::make_arbiter(config_), permit_,
            [this](replication::TopologyPtr topology, std::function<void()> applied) {
                publish(std::move(topology), std::move(applied));
            });
    } catch (const std::exception& problem) {
        return problem.what();
    }
    exporter_ = std::make_unique<observe::Exporter>(shards_->counters());
    exporter_->add_provider([this](std::vector<observe::Sample>& samples) { add_samples(samples); });
    exporter_->add_provider(observe::add_log_samples);
    admin::ServerOptions options;
    options.address = config_.admin;
    admin_ = std::make_unique<admin::HttpServer>(options, handlers());
    if (const auto problem = admin_->start()) {
        return *problem;
    }
    shards_->start();
    if (std::string problem = open_listeners(); !problem.empty()) {
        return problem;
    }
    monitor_->start();
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    signals_.add(SIGHUP);
    wait_for_signal();
    watch_certificates();
    watch_heartbeats();
    observe::log_info(kSource, "serving",
                      {{"name", config_.name}, {"version", PORTAL_VERSION}, {"shards", shards_->size()}});
    return {};
}

void PortalProcess::run() {
    io_.run();
    for (const auto& listener : listeners_) {
        listener->close();
    }
    observe::log_info(kSource, "stopped", {{"name", config_.name}});
}

std::string PortalProcess::load_certificates() {
    shard::ShardGroup::Certificates loaded;
    for (const config::Listener& listener : config_.listen) {
        if (!listener.tls) {
            loaded.push_back(nullptr);
            continue;
        }
        auto material = certs::load_pair({listener.tls->certificate, listener.tls->key, listener.tls->client_ca});
        if (material.has_error()) {
            return material.error().message;
        }
        loaded.push_back(*material);
    }
    if (std::string problem = shards_->use_certificates(loaded); !problem.empty()) {
        return problem;
    }
    watchers_.clear();
    for (const certs::CertificateMaterialPtr& material : loaded) {
        if (material) {
            watchers_.emplace_back(*material);
        }
    }
    const std::lock_guard lock(mutex_);
    certificates_ = std::move(loaded);
    return {};
}

std::string PortalProcess::open_listeners() {
    for (std::size_t i = 0; i < config_.listen.size(); ++i) {
        listeners_.push_back(
            std::make_unique<shard::Listener>(io_, [this, i](int descriptor) { shards_->deal(descriptor, i); }));
        if (std::string problem = listeners_.back()->open(config_.listen[i].address); !problem.empty()) {
            return problem;
        }
    }
    return {};
}

void PortalProcess::publish(replication::TopologyPtr topology, std::function<void()> applied) {
    {
        const std::lock_guard lock(mutex_);
        topology_ = topology;
    }
    shards_->publish(topology, std::move(applied));
}

void PortalProcess::wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& cancelled, int signal) {
        if (cancelled) {
            return;
        }
        if (signal == SIGHUP) {
            reload();
        } else if (draining_.load()) {
            observe::log_info(kSource, "second signal: stopping at once");
            io_.stop();
        } else {
            begin_drain();
        }
        wait_for_signal();
    });
}

void PortalProcess::begin_drain() {
    if (draining_.exchange(true)) {
        return;
    }
    observe::log_info(kSource, "draining", {{"clients", shards_->open_connections()}});
    for (const auto& listener : listeners_) {
        listener->close();
    }
    shards_->drain();
    drain_until_ = std::chrono::steady_clock::now() + kDrainTime;
    watch_drain();
}

void PortalProcess::watch_drain() {
    if (shards_->open_connections() == 0 || std::chrono::steady_clock::now() >= drain_until_) {
        io_.stop();
        return;
    }
    drain_timer_.expires_after(kDrainPoll);
    drain_timer_.async_wait([this](const boost::system::error_code& cancelled) {
        if (!cancelled) {
            watch_drain();
        }
    });
}

/// SIGHUP. Certificates are loaded anew; a file that is wrong changes nothing. Other keys need a restart.
void PortalProcess::reload() {
    const config::LoadResult result = config::load_file(config_file_);
    for (const config::Problem& problem : result.problems) {
        observe::log_error(kSource, "configuration not reloaded",
                           {{"problem", config::format_problem(config_file_, problem)}});
    }
    if (!result.config) {
        return;
    }
    observe::configure_log(static_cast<observe::LogLevel>(result.config->log.level),
                           static_cast<observe::LogFormat>(result.config->log.format));
    if (const std::string problem = load_certificates(); !problem.empty()) {
        observe::log_error(kSource, "certificates not reloaded; the old ones stay", {{"problem", problem}});
        return;
    }
    observe::log_info(kSource, "certificates and log settings reloaded; other keys take effect after a restart");
}

void PortalProcess::watch_certificates() {
    certificate_timer_.expires_after(kCertificatePoll);
    certificate_timer_.async_wait([this](const boost::system::error_code& cancelled) {
        if (cancelled) {
            return;
        }
        bool changed = false;
        for (certs::CertificateWatcher& watcher : watchers_) {
            changed = watcher.changed() || changed;
        }
        if (changed) {
            if (const std::string problem = load_certificates(); !problem.empty()) {
                observe::log_error(kSource, "changed certificates not loaded; the old ones stay",
                                   {{"problem", problem}});
            } else {
                observe::log_info(kSource, "changed certificates loaded");
            }
        }
        watch_certificates();
    });
}

/// A shard whose loop does not turn for two rounds makes /livez fail.
void PortalProcess::watch_heartbeats() {
    heartbeat_timer_.expires_after(kHeartbeatPoll);
    heartbeat_timer_.async_wait([this](const boost::system::error_code& cancelled) {
        if (cancelled) {
            return;
        }
        const std::vector<std::uint64_t> now = shards_->heartbeats();
        bool stuck = false;
        for (std::size_t i = 0; i < last_heartbeats_.size(); ++i) {
            stuck = stuck || now[i] == last_heartbeats_[i];
        }
        last_heartbeats_ = now;
        stuck_.store(stuck);
        watch_heartbeats();
    });
}

admin::AdminHandlers PortalProcess::handlers() {
    admin::AdminHandlers handlers;
    handlers.live = [this]() -> std::optional<std::string> {
        return stuck_.load() ? std::optional<std::string>("an event loop does not turn") : std::nullopt;
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
