#include "shard/shard_group.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <sched.h>
#include <thread>
#include <unistd.h>

namespace portal::shard {

std::uint32_t usable_processors() {
    cpu_set_t set;
    std::uint32_t count = std::max(1U, std::thread::hardware_concurrency());
    if (::sched_getaffinity(0, sizeof set, &set) == 0) {
        count = static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&set)));
    }
    std::ifstream quota_file("/sys/fs/cgroup/cpu.max");  // "max 100000" or "150000 100000"
    double quota = 0;
    double period = 0;
    if (quota_file >> quota >> period && period > 0) {
        count = std::min(count, static_cast<std::uint32_t>(std::max(1.0, quota / period + 0.5)));
    }
    return count;
}

namespace {

bool serves_replicas(const config::Config& config) {
    return std::ranges::any_of(config.listen, [](const auto& each) { return each.serves == config::Serves::replicas; });
}

/// The names that there were, at their places, and those that are new, as far as there is room.
std::shared_ptr<const std::vector<std::string>> with_issuers(const std::vector<std::string>* before,
                                                             const config::Identity& identity) {
    auto names = std::make_shared<std::vector<std::string>>();
    if (before != nullptr) {
        *names = *before;
    }
    for (const config::IdentityIssuer& each : identity.issuers) {
        const bool room = names->size() + 1 < std::tuple_size_v<observe::LoginCounters>;
        if (room && std::ranges::find(*names, each.name) == names->end()) {
            names->push_back(each.name);
        }
    }
    return names;
}

}  // namespace

ShardGroup::ShardGroup(config::ConfigPtr config, std::shared_ptr<const replication::ForwardPermit> permit,
                       Trouble trouble, UsersChanged users_changed,
                       std::shared_ptr<const replication::ProcessSightings> sightings)
    : config_(std::move(config)),
      leading_(config_->threads > 0 ? config_->threads : usable_processors()),
      count_(serves_replicas(*config_) ? 2 * leading_ : leading_) {
    session_limit_.set(config_->limits.sessions);
    for (const auto& each : config_->listen) {
        serves_.push_back(each.serves);
    }
    for (std::uint32_t index = 0; index < count_; ++index) {
        const auto serves = index < leading_ ? config::Serves::leader : config::Serves::replicas;
        shards_.push_back(std::make_unique<Shard>(
            ShardSetup{config_, *this, permit, trouble, index, count_, serves, users_changed, sightings}));
    }
}

ShardGroup::~ShardGroup() {
    stop();
}

std::string ShardGroup::configure(config::ConfigPtr config, const Certificates& certificates) {
    std::shared_ptr<const certs::TicketKeys> ticket_keys = ticket_keys_;
    const config::Tickets& tickets = config->tickets;
    if (!ticket_keys || tickets.secret != config_->tickets.secret || tickets.rotation != config_->tickets.rotation) {
        const auto rotation = std::chrono::duration_cast<std::chrono::seconds>(tickets.rotation);
        auto keys = tickets.secret ? certs::TicketKeys::from_secret(*tickets.secret, rotation)
                                   : certs::TicketKeys::random(rotation);
        if (keys.has_error()) {
            return keys.error().message;
        }
        ticket_keys = *keys;
    }
    std::vector<TlsContexts> all(shards_.size());
    for (TlsContexts& contexts : all) {
        for (std::size_t listener = 0; listener < certificates.size(); ++listener) {
            if (!certificates[listener]) {
                contexts.push_back(nullptr);
                continue;
            }
            certs::ServerTlsOptions options;
            options.min_version = config->listen[listener].tls->min_version == config::TlsVersion::tls13
                                      ? certs::MinTlsVersion::tls13
                                      : certs::MinTlsVersion::tls12;
            options.ticket_keys = ticket_keys;
            auto context = certs::TlsContext::server(*certificates[listener], options);
            if (context.has_error()) {
                return context.error().message;
            }
            contexts.push_back(*context);
        }
    }
    Logins logins{nullptr, issuers_.load()};
    if (config->identity) {
        identity::Verifier::Made made = identity::Verifier::make(*config->identity);
        if (made.verifier == nullptr) {
            return made.path + ": " + made.complaint;
        }
        logins = {std::move(made.verifier), with_issuers(logins.issuers.get(), *config->identity)};
    }
    issuers_.store(logins.issuers);
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        shards_[i]->configure(config, std::move(all[i]), logins);
    }
    ticket_keys_ = std::move(ticket_keys);
    config_ = std::move(config);
    session_limit_.set(config_->limits.sessions);
    return {};
}

std::string ShardGroup::use_nodes(const std::vector<config::Node>& nodes) {
    std::vector<std::map<std::string, upstream::NodeTls, std::less<>>> all(shards_.size());
    std::map<std::string, certs::PeerTls> peers;
    for (const config::Node& node : nodes) {
        if (!node.tls) {
            continue;
        }
        certs::PeerTls& peer = peers[node.name];
        peer = certs::PeerTls({node.tls->ca, node.tls->certificate, node.tls->key});
        if (const auto before = node_tls_.find(node.name);
            before != node_tls_.end() && before->second.files() == peer.files()) {
            peer = before->second;
        }
        if (const auto loaded = peer.load(); !loaded) {
            return "node " + node.name + ": " + loaded.error().message;
        }
        for (auto& tls : all) {
            auto context = peer.make_context();
            if (context.has_error()) {
                return "node " + node.name + ": " + context.error().message;
            }
            tls[node.name] = {std::shared_ptr<SSL_CTX>(*context, (*context)->native()),
                              node.tls->server_name.value_or(node.address.host)};
        }
    }
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        shards_[i]->use_nodes(std::move(all[i]));
    }
    node_tls_ = std::move(peers);
    return {};
}

std::string ShardGroup::listen(std::uint64_t most) {
    most_connections_ = most;
    for (std::size_t i = 0; i < config_->listen.size(); ++i) {
        std::string problem =
            shards_.front()->listen(config_->listen[i].address, [this, i](int descriptor) { admit(descriptor, i); });
        if (!problem.empty()) {
            return problem;
        }
    }
    return {};
}

void ShardGroup::stop_listening() {
    shards_.front()->stop_listening();
}

void ShardGroup::start() {
    for (const auto& shard : shards_) {
        shard->start();
    }
}

void ShardGroup::deal(int descriptor, std::size_t listener) {
    shards_.front()->post([this, descriptor, listener](session::SessionContext&) { admit(descriptor, listener); });
}

/// On the first shard's thread. Too many are told so by a shard, unless even that would take a descriptor that the
/// portal needs.
void ShardGroup::admit(int descriptor, std::size_t listener) {
    const std::uint64_t open = open_connections();
    if (open >= most_connections_) {
        ::close(descriptor);
        return;
    }
    const bool refused = open >= session_limit_.get();
    const std::uint32_t first = serves_[listener] == config::Serves::leader ? 0 : leading_;
    const std::size_t next = first + dealt_.get() % leading_;
    dealt_.add();
    if (next == 0) {
        shards_.front()->take(descriptor, listener, refused);
    } else {
        shards_[next]->adopt(descriptor, listener, refused);
    }
}

std::uint64_t ShardGroup::open_connections() const noexcept {
    std::uint64_t closed = 0;
    for (const auto& shard : shards_) {
        for (const observe::Counter& reason : shard->counters().client_connections_closed) {
            closed += reason.get();
        }
    }
    const std::uint64_t dealt = dealt_.get();
    return dealt - std::min(dealt, closed);
}

void ShardGroup::publish(const replication::TopologyPtr& topology, std::function<void()> applied) {
    auto left = std::make_shared<std::atomic<std::size_t>>(shards_.size());
    for (const auto& shard : shards_) {
        shard->publish(topology, [left, applied] {
            if (left->fetch_sub(1) == 1) {
                applied();
            }
        });
    }
}

void ShardGroup::drain(net::Turn::Clock::time_point until) {
    for (const auto& shard : shards_) {
        shard->drain(until);
    }
}

void ShardGroup::stop() {
    for (const auto& shard : shards_) {
        shard->stop();
    }
}

std::vector<const observe::ShardCounters*> ShardGroup::counters() const {
    std::vector<const observe::ShardCounters*> all;
    for (const auto& shard : shards_) {
        all.push_back(&shard->counters());
    }
    return all;
}

std::optional<net::Turn::Clock::time_point> ShardGroup::first_write(net::Turn::Clock::time_point since) const {
    std::optional<net::Turn::Clock::time_point> first;
    for (const auto& shard : shards_) {
        if (const auto at = shard->first_write(); at && *at >= since && (!first || *at < *first)) {
            first = at;
        }
    }
    return first;
}

std::vector<std::uint64_t> ShardGroup::heartbeats() const {
    std::vector<std::uint64_t> all;
    for (const auto& shard : shards_) {
        all.push_back(shard->heartbeats());
    }
    return all;
}

std::vector<ShardGroup::IssuerLogins> ShardGroup::logins() const {
    std::vector<IssuerLogins> all;
    const auto names = issuers_.load();
    if (names == nullptr) {
        return all;
    }
    for (std::size_t i = 0; i <= names->size(); ++i) {
        IssuerLogins& sum = all.emplace_back();
        sum.issuer = i == 0 ? "other" : (*names)[i - 1];
        for (const auto& shard : shards_) {
            const observe::IssuerCounters& part = shard->logins()[i];
            sum.accepted += part.accepted.get();
            sum.refused += part.refused.get();
            sum.sessions += part.sessions.get();
        }
    }
    return all;
}

}  // namespace portal::shard
