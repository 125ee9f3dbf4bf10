#include "storage/caretaker.hpp"

#include "net/http/json_fields.hpp"
#include "observe/log.hpp"
#include "storage/agent_report.hpp"
#include "storage/event_writer.hpp"
#include "storage/monitor_news.hpp"
#include "storage/successor.hpp"

#include <algorithm>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

namespace portal::storage {
namespace asio = boost::asio;
namespace json = boost::json;
using net::text_at;
using sentinel::Clock;

namespace {

constexpr auto kSource = "caretaker";
/// How often an agent is asked; a node that is about to stop waits for this.
constexpr std::chrono::milliseconds kAgentPause{500};
constexpr std::chrono::milliseconds kTurn{250};
constexpr std::chrono::seconds kVolumePause{5};

void log_escaped(const std::exception_ptr& escaped) {
    if (!escaped) {
        return;
    }
    try {
        std::rethrow_exception(escaped);
    } catch (const std::exception& error) {
        observe::log_error(kSource, "a coroutine ended by an exception", {{"error", error.what()}});
    }
}

const config::KubernetesArbiter* kubernetes_of(const config::Config& config) {
    return std::get_if<config::KubernetesArbiter>(&config.arbiter);
}

}  // namespace

class Caretaker::Loop : public std::enable_shared_from_this<Loop> {
  public:
    Loop(const config::Config& config, const config::Upkeep& upkeep, MonitorAccess monitor);
    void start();
    void stop();
    [[nodiscard]] std::vector<CareView> views() const;
    void tell(bool warning, std::string reason, std::string message);

  private:
    struct Watched {
        explicit Watched(const config::NodeAgent& agent)
            : node(agent.node), claim(agent.claim.value_or("")), link(agent.address) {}

        std::string node;
        std::string claim;  // may be empty
        AgentLink link;
    };

    asio::awaitable<void> ask_agent(Watched& agent);
    asio::awaitable<void> run();
    asio::awaitable<void> turn();
    [[nodiscard]] EventObject about_lease() const { return {"coordination.k8s.io/v1", "Lease", lease_, {}}; }
    void tell(News news);
    asio::awaitable<void> write_events();
    void hand_over_if_leaving(const json::object& status);
    asio::awaitable<void> look_after_volumes(json::object status);
    asio::awaitable<void> pause_for(std::chrono::milliseconds time);
    void publish_views(bool acting);

    asio::io_context io_{1};  // first, so that sockets and timers below are gone before it
    const std::string name_;
    const MonitorAccess monitor_;
    std::string lease_;
    std::deque<Watched> agents_;
    std::thread thread_;
    std::unique_ptr<EventWriter> events_;
    std::unique_ptr<Volumes> volumes_;
    sentinel::TimePoint volumes_due_{};
    MonitorNews news_;
    bool switching_over_ = false;
    bool stopping_ = false;

    mutable std::mutex mutex_;
    std::vector<CareView> views_;
};

Caretaker::Loop::Loop(const config::Config& config, const config::Upkeep& upkeep, MonitorAccess monitor)
    : name_(config.name), monitor_(std::move(monitor)), news_(name_) {
    for (const auto& agent : upkeep.agents) {
        agents_.emplace_back(agent);
    }
    if (const auto* kubernetes = kubernetes_of(config)) {
        const auto access = kubernetes::access_by(*kubernetes, upkeep.role.value_or(""));
        lease_ = kubernetes->name;
        events_ = std::make_unique<EventWriter>(access, name_);
        if (upkeep.auto_expand) {
            volumes_ = std::make_unique<Volumes>(access, *upkeep.auto_expand, *events_);
        }
    }
}

void Caretaker::Loop::start() {
    for (auto& agent : agents_) {
        asio::co_spawn(io_, ask_agent(agent), log_escaped);
    }
    asio::co_spawn(io_, run(), log_escaped);
    if (events_) {
        asio::co_spawn(io_, write_events(), log_escaped);
    }
    thread_ = std::thread([this] {
        io_.run();
        for (auto& agent : agents_) {
            agent.link.close();
        }
        if (events_) {
            events_->close();
        }
        if (volumes_) {
            volumes_->close();
        }
        // Lets what was closed come to its end.
        io_.restart();
        io_.poll();
    });
}

void Caretaker::Loop::stop() {
    if (!thread_.joinable()) {
        return;
    }
    asio::post(io_, [this] {
        stopping_ = true;
        io_.stop();
    });
    thread_.join();
}

asio::awaitable<void> Caretaker::Loop::pause_for(std::chrono::milliseconds time) {
    asio::steady_timer timer(io_, time);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<void> Caretaker::Loop::ask_agent(Watched& agent) {
    while (!stopping_) {
        const bool was_leaving = agent.link.report().leaving;
        co_await agent.link.ask();
        if (agent.link.report().leaving && !was_leaving) {
            observe::log_info(kSource, "a node is about to stop", {{"node", agent.node}});
        }
        if (const auto& word = agent.link.report().process) {
            monitor_.process(agent.node, *word);
        }
        co_await pause_for(kAgentPause);
    }
}

asio::awaitable<void> Caretaker::Loop::run() {
    while (!stopping_) {
        try {
            co_await turn();
        } catch (const std::exception& error) {
            observe::log_error(kSource, "a turn failed", {{"error", error.what()}});
        }
        co_await pause_for(kTurn);
    }
}

asio::awaitable<void> Caretaker::Loop::turn() {
    auto status = monitor_.status();
    const bool acting = net::flag_at(status, "acting_here");
    if (acting) {
        hand_over_if_leaving(status);
    }
    for (auto& news : news_.look(status, Clock::now())) {
        tell(std::move(news));
    }
    if (volumes_ && acting && Clock::now() >= volumes_due_) {
        volumes_due_ = Clock::now() + kVolumePause;
        co_await look_after_volumes(status);
    }
    publish_views(acting);
}

void Caretaker::Loop::hand_over_if_leaving(const json::object& status) {
    if (switching_over_) {
        return;
    }
    const auto leader = text_at(status, "leader");
    std::vector<NodeStanding> standings;
    for (const auto& item : net::array_at(status, "nodes")) {
        const auto* seen = item.if_object();
        if (seen == nullptr) {
            continue;
        }
        const auto name = text_at(*seen, "name");
        const bool leaving = std::any_of(agents_.begin(), agents_.end(), [&name](const auto& agent) {
            return agent.node == name && agent.link.report().leaving;
        });
        auto& standing = standings.emplace_back();
        standing = {name,
                    name == leader,
                    net::flag_at(*seen, "in_sync"),
                    text_at(*seen, "health") == "up",
                    leaving,
                    net::number_at(*seen, "offset")};
        if (seen->contains("priority")) {
            standing.priority = net::number_at(*seen, "priority");
        }
    }
    const auto to = successor(standings);
    if (!to) {
        return;
    }
    observe::log_info(kSource, "the leader is about to stop; another node shall lead", {{"from", leader}, {"to", *to}});
    switching_over_ = true;
    monitor_.switchover(to, [this, alive = weak_from_this()](const std::string& error) {
        // On the monitor's thread.
        if (const auto self = alive.lock()) {
            asio::post(io_, [this, self, error] {
                switching_over_ = false;
                if (!error.empty()) {
                    observe::log_warn(kSource, "no other node was made leader", {{"error", error}});
                }
            });
        }
    });
}

void Caretaker::Loop::tell(bool warning, std::string reason, std::string message) {
    asio::post(
        io_, [this, news = News{warning, std::move(reason), std::move(message)}]() mutable { tell(std::move(news)); });
}

void Caretaker::Loop::tell(News news) {
    if (events_) {
        events_->tell({about_lease(), news.warning, std::move(news.reason), std::move(news.message)});
    }
}

/// Beside all else, so that an API server that does not answer holds up nothing.
asio::awaitable<void> Caretaker::Loop::write_events() {
    while (!stopping_) {
        co_await events_->write_waiting();
        co_await pause_for(kTurn);
    }
}

asio::awaitable<void> Caretaker::Loop::look_after_volumes(json::object status) {
    const auto leader = text_at(status, "leader");
    std::vector<Volumes::Node> nodes;
    for (const auto& agent : agents_) {
        if (!agent.claim.empty()) {
            nodes.push_back({agent.claim, agent.link.report().usage, agent.node == leader});
        }
    }
    co_await volumes_->look_after(std::move(nodes));
}

void Caretaker::Loop::publish_views(bool acting) {
    std::vector<CareView> views;
    const auto volumes = volumes_ && acting ? volumes_->views() : std::vector<VolumeView>{};
    for (const auto& agent : agents_) {
        if (agent.claim.empty()) {
            continue;
        }
        CareView view{agent.claim, agent.link.report().usage, std::nullopt};
        const auto found = std::find_if(volumes.begin(), volumes.end(),
                                        [&view](const auto& volume) { return volume.claim == view.claim; });
        if (found != volumes.end()) {
            view.volume = *found;
        }
        views.push_back(std::move(view));
    }
    const std::lock_guard lock(mutex_);
    views_ = std::move(views);
}

std::vector<CareView> Caretaker::Loop::views() const {
    const std::lock_guard lock(mutex_);
    return views_;
}

Caretaker::Caretaker(const config::Config& config, const config::Upkeep& upkeep, MonitorAccess monitor)
    : loop_(std::make_shared<Loop>(config, upkeep, std::move(monitor))) {}
Caretaker::~Caretaker() {
    loop_->stop();
}
bool Caretaker::is_needed(const config::Config& config, const config::Upkeep& upkeep) {
    return kubernetes_of(config) != nullptr || !upkeep.agents.empty();
}
void Caretaker::start() {
    loop_->start();
}
void Caretaker::stop() {
    loop_->stop();
}
std::vector<CareView> Caretaker::views() const {
    return loop_->views();
}
void Caretaker::tell(bool warning, std::string reason, std::string message) {
    loop_->tell(warning, std::move(reason), std::move(message));
}

}  // namespace portal::storage
