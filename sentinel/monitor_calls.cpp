// How the monitor begins and ends, and what other threads ask of it: each call is posted to the monitor's own thread.
#include "observe/log.hpp"
#include "observe/log_escaped.hpp"
#include "sentinel/introduction.hpp"
#include "sentinel/monitor_loop.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

namespace portal::sentinel {
namespace asio = boost::asio;

namespace {

constexpr auto kSource = "monitor";
/// How often users are compared.
constexpr Milliseconds kUsersEvery{1000};
/// A switchover waits this long for the portal that acts.
constexpr Milliseconds kRequestTime{15000};

Timing timing_from(const config::Monitor& monitor, config::Proven proven) {
    Timing timing;
    timing.ping_interval = monitor.ping_interval;
    timing.down_after = monitor.down_after;
    timing.busy_after = monitor.busy_after;
    timing.fence_after = monitor.fence_after;
    timing.lease = monitor.lease;
    timing.proven = static_cast<ProvenWrites>(proven);
    if (timing.proven != ProvenWrites::off) {
        timing.patience = Milliseconds::max();  // a node that restarted may lack what was confirmed
    }
    timing.failsafe = monitor.failsafe == config::Failsafe::on;
    return timing;
}

SettingsWanted settings_from(const config::NodeConfig& config) {
    SettingsWanted wanted{config.follow_leader, {}};
    for (const auto& setting : config.asserted) {
        wanted.asserted.emplace_back(setting.name, setting.value);
    }
    return wanted;
}

UsersWanted users_from(const config::Acl& config) {
    using From = UsersWanted::From;
    UsersWanted wanted;
    wanted.from = config.source == config::kAclOff ? From::nobody : config.names_file() ? From::file : From::leader;
    wanted.asked_for = config.source != config::kAclAuto || config.strict;
    wanted.strict = config.strict;
    wanted.file = {config.users.begin(), config.users.end()};
    return wanted;
}

}  // namespace

Monitor::Monitor(const config::Config& config, std::unique_ptr<Arbiter> arbiter,
                 std::shared_ptr<replication::ForwardPermit> permit, Publish publish)
    : loop_(std::make_shared<Loop>(config, std::move(arbiter), std::move(permit), std::move(publish))) {}
Monitor::~Monitor() {
    loop_->stop();
}
void Monitor::watch_clients(Tally tally) {
    loop_->watch_clients(std::move(tally));
}
void Monitor::note_sightings(std::shared_ptr<replication::ProcessSightings> sightings) {
    loop_->note_sightings(std::move(sightings));
}
void Monitor::start() {
    loop_->start();
}
void Monitor::stop() {
    loop_->stop();
}
void Monitor::report_trouble(const std::string& node, const std::string& what) {
    loop_->report_trouble(node, what);
}
void Monitor::note_process(const std::string& node, AgentWord word) {
    loop_->note_process(node, std::move(word));
}
void Monitor::switchover(std::optional<std::string> to, std::function<void(std::string error)> done) {
    loop_->switchover(std::move(to), std::move(done));
}
void Monitor::set_nodes(std::vector<config::Node> nodes) {
    loop_->set_nodes(std::move(nodes));
}
void Monitor::use_login(Login login) {
    loop_->use_login(std::move(login));
}
void Monitor::use_settings(const config::NodeConfig& wanted) {
    loop_->use_settings(settings_from(wanted));
}
void Monitor::use_users(const config::Acl& wanted) {
    loop_->use_users(users_from(wanted));
}
void Monitor::users_changed(std::vector<std::string> command) {
    loop_->users_changed(std::move(command));
}
boost::json::object Monitor::status() const {
    return loop_->status();
}

Monitor::Loop::Loop(const config::Config& config, std::unique_ptr<Arbiter> arbiter,
                    std::shared_ptr<replication::ForwardPermit> permit, Publish publish)
    : name_(config.name),
      timing_(timing_from(config.monitor, config.writes.proven)),
      login_(std::make_shared<Login>(Login{config.monitor.username, config.monitor.password})),
      publish_callback_(std::move(publish)),
      permit_(std::move(permit)),
      arbiter_(std::move(arbiter)),
      rest_(io_),
      ticker_(io_),
      commands_(io_.get_executor(), login_, timing_.down_after),
      settings_(std::make_shared<SettingsKeeper>(io_.get_executor(), login_, settings_from(config.node_config),
                                                 SettingsKeeper::Timing{.deadline = timing_.down_after},
                                                 [this] { return group_to_keep_equal(); })),
      users_(std::make_shared<UsersKeeper>(io_.get_executor(), login_, users_from(config.acl),
                                           UsersKeeper::Timing{.every = kUsersEvery, .deadline = timing_.down_after},
                                           [this] { return group_to_keep_equal(); })),
      standing_(name_, timing_, Clock::now()),
      failover_(timing_),
      pauses_(timing_.down_after / 2, Clock::now()) {
    standing_.offer_record_id(random_record_id());
    standing_.introduce(config.admin.url.value_or(status_page_url(config.admin.address)));
    for (const auto& node : config.nodes) {
        nodes_.emplace_back(node, timing_, Clock::now());
    }
    update_status(nullptr);
}

void Monitor::Loop::start() {
    pauses_ = PauseGuard(timing_.down_after / 2, Clock::now());
    arbiter_->watch(io_.get_executor(), [this] {
        record_due_ = true;
        wake();
    });
    for (auto& node : nodes_) {
        watch_node(node);
    }
    tick();
    asio::co_spawn(io_, run(), observe::LogEscaped(kSource));
    asio::co_spawn(io_, settings_->run(), observe::LogEscaped(kSource));
    asio::co_spawn(io_, users_->run(), observe::LogEscaped(kSource));
    thread_ = std::thread([this] {
        io_.run();
        closed_ = true;
        // Lets what farewell() closed come to its end.
        io_.restart();
        io_.poll();
    });
}

void Monitor::Loop::stop() {
    if (!thread_.joinable()) {
        return;
    }
    asio::post(io_, [this] {
        stopping_ = true;
        wake();
    });
    thread_.join();
}

void Monitor::Loop::report_trouble(std::string node, std::string what) {
    asio::post(io_, [this, self = weak_from_this(), node = std::move(node), what = std::move(what)] {
        const auto alive = self.lock();
        auto* watched = alive ? find(node) : nullptr;
        if (watched != nullptr && watched->probe) {
            observe::log_debug(kSource, "live traffic saw trouble", {{"node", node}, {"what", what}});
            watched->probe->probe_now();
        }
    });
}

void Monitor::Loop::note_process(std::string node, AgentWord word) {
    asio::post(io_, [this, self = weak_from_this(), node = std::move(node), word = std::move(word)]() mutable {
        const auto alive = self.lock();
        if (auto* watched = alive ? find(node) : nullptr; watched != nullptr) {
            watched->account.note(std::move(word));
            // It may be what a decision waits for.
            if (watched->account.assess(Clock::now()) != Health::up) {
                wake();
            }
        }
    });
}

void Monitor::Loop::switchover(std::optional<std::string> to, std::function<void(std::string)> done) {
    if (closed_) {
        done("this portal is stopping");
        return;
    }
    asio::post(io_, [this, to = std::move(to), done = std::move(done)] {
        if (request_ || stopping_) {
            done(stopping_ ? "this portal is stopping" : "another switchover is going on");
            return;
        }
        const auto unique = Clock::now().time_since_epoch().count();
        request_ = Request{name_ + "/" + std::to_string(unique) + "/" + std::to_string(++requests_), to.value_or(""),
                           done, Clock::now() + kRequestTime};
        standing_.ask_for(request_->id, request_->to);
        wake();
    });
}

}  // namespace portal::sentinel
