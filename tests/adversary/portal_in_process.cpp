#include "portal_in_process.hpp"

#include "session/session_context.hpp"
#include "session/session_registry.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <future>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

namespace portal::adversary {

namespace {

constexpr std::chrono::seconds kPatience{60};

}  // namespace

PortalInProcess::PortalInProcess(std::uint32_t shards, std::chrono::milliseconds hold_time) : count_(shards) {
    auto config = std::make_shared<config::Config>();
    config->name = "adversary";
    config->threads = shards;
    config->hold.time = hold_time;
    config->limits.sessions = 100000;
    config->listen.push_back({{"127.0.0.1", 0}, std::nullopt});
    config_ = config;
    permit_->extend(std::chrono::steady_clock::now() + std::chrono::hours(24));

    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        throw std::runtime_error("no port on loopback for the clients");
    }
    port_ = ntohs(address.sin_port);
    for (std::uint32_t index = 0; index < count_; ++index) {
        shards_.push_back(std::make_unique<shard::Shard>(
            shard::ShardSetup{config_, *this, permit_, [](const std::string&, std::string_view) {}, index, count_}));
        shards_.back()->configure(config_, shard::TlsContexts(1));
    }
    for (const auto& each : shards_) {
        each->start();
    }
}

PortalInProcess::~PortalInProcess() {
    for (const auto& each : shards_) {
        each->stop();
    }
    ::close(listener_);
}

void PortalInProcess::publish(const replication::TopologyPtr& topology) {
    unapplied_ = std::make_shared<std::atomic<std::uint32_t>>(count_);
    for (const auto& each : shards_) {
        each->publish(topology, [left = unapplied_] { left->fetch_sub(1); });
    }
}

void PortalInProcess::lead(std::uint16_t port) {
    auto topology = std::make_shared<replication::Topology>();
    topology->epoch = replication::Epoch{++epoch_};
    topology->leader = replication::Node{fmt::format("node-{}", port), {"127.0.0.1", port}};
    publish(topology);
}

void PortalInProcess::nobody_leads() {
    auto topology = std::make_shared<replication::Topology>();
    topology->epoch = replication::Epoch{++epoch_};
    topology->fencing = true;
    topology->reason = "the leader is being replaced";
    publish(topology);
}

int PortalInProcess::connect() {
    const int ours = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    if (::connect(ours, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        throw std::runtime_error("a client cannot connect");
    }
    const int theirs = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    const int on = 1;
    ::setsockopt(ours, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(theirs, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::fcntl(ours, F_SETFL, ::fcntl(ours, F_GETFL) | O_NONBLOCK);
    shards_[dealt_++ % count_]->adopt(theirs, 0, false);
    return ours;
}

std::string PortalInProcess::remains() {
    std::string out;
    for (std::uint32_t index = 0; index < count_; ++index) {
        auto told = std::make_shared<std::promise<std::string>>();
        shards_[index]->post([told](session::SessionContext& context) {
            std::size_t sessions = 0;
            for ([[maybe_unused]] const session::Session& each : context.registry.all) {
                ++sessions;
            }
            const std::size_t in_flight = context.links.in_flight();
            const observe::ShardCounters& counters = context.counters;
            const bool nothing = sessions == 0 && in_flight == 0 && context.registry.held.empty() &&
                                 context.registry.parked.empty() && context.registry.by_id.empty() &&
                                 context.limits.held.used == 0 && counters.client_connections.get() == 0 &&
                                 counters.sessions_held.get() == 0 && counters.held_bytes.get() == 0 &&
                                 counters.upstream_links_pinned.get() == 0;
            told->set_value(nothing
                                ? ""
                                : fmt::format("{} sessions ({} counted), {} by id, {} in flight, {} held ({} bytes), "
                                              "{} leased or idle links",
                                              sessions, counters.client_connections.get(),
                                              context.registry.by_id.size(), in_flight, counters.sessions_held.get(),
                                              context.limits.held.used, counters.upstream_links_pinned.get()));
        });
        auto answer = told->get_future();
        const bool answered = answer.wait_for(kPatience) == std::future_status::ready;
        const std::string line = answered ? answer.get() : "does not answer";
        out += line.empty() ? "" : fmt::format("shard {}: {}; ", index, line);
    }
    return out;
}

std::uint64_t PortalInProcess::closed(observe::Closed reason) const {
    std::uint64_t sum = 0;
    for (const auto& each : shards_) {
        sum += at(each->counters().client_connections_closed, reason).get();
    }
    return sum;
}

std::uint64_t PortalInProcess::links_lost() const {
    std::uint64_t sum = 0;
    for (const auto& each : shards_) {
        sum += each->counters().upstream_lost.get();
    }
    return sum;
}

}  // namespace portal::adversary
