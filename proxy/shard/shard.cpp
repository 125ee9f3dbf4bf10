#include "shard/shard.hpp"

#include "observe/log.hpp"
#include "replication/read_target.hpp"

#include <algorithm>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace portal::shard {

namespace {

std::int64_t unix_milliseconds() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

bool end_of(int socket, int (*ask)(int, sockaddr*, socklen_t*), boost::asio::ip::tcp::endpoint& end) {
    auto size = static_cast<socklen_t>(end.capacity());
    if (ask(socket, end.data(), &size) != 0 || size > end.capacity()) {
        return false;
    }
    end.resize(size);
    return true;
}

}  // namespace

Shard::Shard(ShardSetup setup)
    : setup_(std::move(setup)),
      connect_deadlines_(setup_.config->monitor.down_after),
      link_context_{loop_,
                    names_,
                    turn_,
                    scratch_,
                    counters_,
                    connect_deadlines_,
                    resp::ReplyLimits{},
                    setup_.config->name,
                    *setup_.permit},
      links_(link_context_, {.trouble = [this](const replication::Node& node,
                                               std::string_view why) { setup_.trouble(node.name, why); },
                             .ready = [this] { on_leader_ready(); },
                             .login_refused = [this](const auto& identity) { close_sessions_of(identity); },
                             .dropped = [this](const auto& identity) { dropped_users_.insert(identity.username); },
                             .login_required = [this] { on_login_required(); }}),
      subscriptions_({.links = links_,
                      .turn = turn_,
                      .counters = counters_,
                      .backlog_limit = static_cast<std::size_t>(setup_.config->limits.output_bytes.count),
                      .surplus = &counts_}),
      context_({.config = setup_.config,
                .permit = *setup_.permit,
                .turn = turn_,
                .loop = loop_,
                .scratch = scratch_,
                .links = links_,
                .subscriptions = subscriptions_,
                .counts = counts_,
                .counters = counters_,
                .registry = registry_,
                .peers = setup_.peers,
                .shard = setup_.index,
                .reads_only = setup_.serves == config::Serves::replicas}),
      survey_(new session::ServerSurvey(context_, setup_.index == 0)),
      scripts_(new session::ScriptLoader(context_, [this] { retry_held(); })) {
    if (setup_.index == 0) {
        count_exchange_ = new session::CountExchange(context_);
    }
    context_.users_changed = setup_.users_changed;
    link_context_.sightings = setup_.sightings.get();
    link_context_.reach.keepalive = net::Keepalive::of_links(setup_.config->monitor.down_after);
    link_context_.reach.next_address_after =
        std::min<net::Loop::Clock::duration>(net::Connector::kNextAfter, setup_.config->monitor.down_after / 4);
    link_context_.answer_deadlines.change(setup_.config->upstream.answer_time);
    limit_leases();
    if (setup_.config->writes.proven != config::Proven::off && !context_.reads_only) {
        begin_proofs();
    }
}

/// This shard's part of them.
void Shard::limit_leases() {
    link_context_.lease_limit = std::max<std::size_t>(1, setup_.config->limits.leases / setup_.peers.shards());
}

void Shard::on_leader_ready() {
    survey_->ask();
    scripts_->on_leader_ready();
    if (count_exchange_) {
        count_exchange_->on_leader_ready();
    }
    if (proof_) {
        proof_->on_leader_ready();
    }
    retry_held();
}

void Shard::begin_proofs() {
    proof_ =
        new upstream::ProofLink({.strict = setup_.config->writes.proven == config::Proven::strict,
                                 .login = session::monitor_login(setup_.config->monitor),
                                 .permit = *setup_.permit,
                                 .turn = turn_,
                                 .links = links_,
                                 .counters = counters_},
                                {.proven =
                                     [this](upstream::Ticket proven) {
                                         for_parked([proven](session::Session& each) { each.proofs.release(proven); });
                                     },
                                 .lost = [this] { for_parked([](session::Session& each) { each.proofs.lose(); }); },
                                 .opened = [this] { retry_held(); }});
    context_.writes.proof = proof_.get();
}

Shard::~Shard() {
    stop();
}

std::string Shard::listen(const config::Address& address, Listener::Accepted accepted) {
    listeners_.push_back(std::make_unique<Listener>(loop_, std::move(accepted)));
    return listeners_.back()->open(address);
}

void Shard::start() {
    thread_ = std::thread([this] { run(); });
}

void Shard::run() {
    run_tick();
    loop_.set_busy_poll(std::chrono::microseconds(setup_.config->busy_poll));
    loop_.run();
}

void Shard::stop() {
    if (thread_.joinable()) {
        end();
        thread_.join();
    }
}

void Shard::end() {
    loop_.post([this] {
        listeners_.clear();
        rounds_.timer.cancel();
        stop_.cancel();
        stop_.finish();
        while (!registry_.all.empty()) {
            registry_.all.front().connection.close(observe::Closed::drain);
        }
        context_.topology = std::make_shared<const replication::Topology>();
        links_.set_leader(std::nullopt);
        loop_.post([this] { loop_.stop(); });
    });
}

void Shard::adopt(int descriptor, std::size_t listener, bool refused) {
    loop_.post([this, descriptor, listener, refused] { take(descriptor, listener, refused); });
}

void Shard::stop_listening() {
    loop_.post([this] { listeners_.clear(); });
}

void Shard::take(int descriptor, std::size_t listener, bool refused) {
    net::Keepalive::of_clients(setup_.config->limits.keepalive, setup_.config->limits.output_time).apply(descriptor);
    session::Session::Origin origin;
    origin.descriptor = descriptor;
    const bool connected =
        end_of(descriptor, ::getpeername, origin.remote) && end_of(descriptor, ::getsockname, origin.local);
    counters_.client_connections_accepted.add();
    counters_.client_connections.add();
    if (!connected) {  // gone already
        ::close(descriptor);
        counters_.client_connections.subtract();
        at(counters_.client_connections_closed, observe::Closed::client).add();
        return;
    }
    if (refused) {
        at(counters_.client_connections_rejected, observe::Rejected::maxclients).add();
    }
    origin.listener = static_cast<std::uint16_t>(listener);
    origin.expects_proxy_header = setup_.config->listen[listener].proxy_protocol;
    origin.in_doubt = setup_.config->listen[listener].in_doubt;
    origin.on_gap = setup_.config->listen[listener].on_gap;
    origin.id = ++next_id_ * setup_.count + setup_.index;
    const std::shared_ptr<certs::TlsContext> tls = listener < tls_.size() ? tls_[listener] : nullptr;
    if (!tls && setup_.config->listen[listener].tls) {  // never in the clear instead
        observe::log_repeated(observe::LogLevel::error, "shard",
                              "closed a client of a listener with TLS that has no certificate",
                              {"client", origin.remote.address().to_string()});
        counters_.client_connections.subtract();
        at(counters_.client_connections_closed, observe::Closed::handshake).add();
        ::close(descriptor);
        return;
    }
    const session::SessionPtr session(
        new session::Session(context_, origin, tls ? std::shared_ptr<SSL_CTX>(tls, tls->native()) : nullptr));
    session->connection.start(refused);
}

void Shard::publish(replication::TopologyPtr topology, std::function<void()> applied) {
    loop_.post([this, topology = std::move(topology), applied = std::move(applied)]() mutable {
        if (topology->epoch >= context_.topology->epoch) {
            apply(std::move(topology), std::move(applied));
        } else {
            applied();
        }
    });
}

void Shard::apply(replication::TopologyPtr topology, std::function<void()> applied) {
    learn_addresses(*topology);
    const bool other_epoch = topology->epoch != context_.topology->epoch;
    const bool slept = topology->epoch > replication::next(context_.topology->epoch);
    context_.writes.first.due =
        topology->leader && (context_.writes.first.due || other_epoch || !context_.topology->leader);
    if (context_.reads_only) {
        link_context_.reach.may_follow = replication::has_replica(*topology);
        topology = std::make_shared<const replication::Topology>(replication::for_reads(*topology, setup_.index));
    }
    context_.scripts.share();
    const bool other_node = other_epoch || !topology->leader || topology->leader != context_.topology->leader;
    context_.topology = std::move(topology);
    if (!context_.topology->leader) {
        if (slept) {
            // Another node has led meanwhile, and may lack what this portal's leader has answered; the replicas that
            // the record names now are those of that one.
            links_.set_leader(std::nullopt);
        } else if (proof_ && context_.topology->fencing) {
            proof_->finish(context_.topology->confirming);
        }
        stop_.begin(std::move(applied));
        tell_of_holds();
        return;
    }
    stop_.finish();
    if (other_epoch) {
        // Also of a node that leads again: a portal that slept through the epochs between does not know whom it
        // followed meanwhile, and its replicas would confirm an offset that covers nothing answered before.
        links_.set_leader(std::nullopt);
    }
    if (other_node) {
        scripts_->on_leader();
    }
    links_.set_leader(context_.topology->leader);
    links_.expect_process(replication::process_of(*context_.topology, context_.topology->leader->name));
    context_.cursor_mark = conversation::mark_of(*context_.topology);  // what came back has the one before
    counts_.use_node(context_.topology->leader->name);                 // of the links to another one nothing is left
    if (proof_) {
        proof_->require(context_.topology->confirming);
    }
    retry_held();
    applied();
}

/// What the probes are connected to needs no lookup now that links are about to be made.
void Shard::learn_addresses(const replication::Topology& topology) {
    for (const auto& [host, texts] : topology.addresses.by_host) {
        net::NameLookup::Addresses addresses;
        for (const std::string& text : texts) {
            boost::system::error_code unreadable;
            const auto address = boost::asio::ip::make_address(text, unreadable);
            if (!unreadable) {
                addresses.push_back(address);
            }
        }
        names_.learn(host, std::move(addresses));
    }
}

std::optional<net::Turn::Clock::time_point> Shard::first_write() const noexcept {
    const auto at = context_.writes.first.at.get();
    return at == 0
               ? std::nullopt
               : std::optional(net::Turn::Clock::time_point(net::Turn::Clock::duration(static_cast<std::int64_t>(at))));
}

void Shard::configure(config::ConfigPtr config, TlsContexts contexts, Logins logins) {
    loop_.post(
        [this, config = std::move(config), contexts = std::move(contexts), logins = std::move(logins)]() mutable {
            tls_ = std::move(contexts);
            context_.use_verifier(std::move(logins.verifier), std::move(logins.issuers));
            if (config == setup_.config) {
                return;
            }
            setup_.config = config;
            subscriptions_.limit_backlog(static_cast<std::size_t>(config->limits.output_bytes.count));
            link_context_.answer_deadlines.change(config->upstream.answer_time);
            limit_leases();
            if (proof_) {
                proof_->use_login(session::monitor_login(config->monitor));
            }
            context_.configure(std::move(config));
        });
}

void Shard::use_nodes(std::map<std::string, upstream::NodeTls, std::less<>> tls) {
    loop_.post([this, tls = std::move(tls)]() mutable { link_context_.reach.tls = std::move(tls); });
}

void Shard::post(session::ShardPeers::Task task) {
    loop_.post([this, task = std::move(task)] { task(context_); });
}

void Shard::drain(net::Turn::Clock::time_point until) {
    loop_.post([this, until] {
        context_.notices.begin_move(turn_.now(), until, unix_milliseconds());
        for_all([](session::Session& each) { each.connection.drain(); });
    });
}

/// A hold begins or ends for those who want to know.
void Shard::tell_of_holds() {
    using Event = session::NoticeBoard::Event;
    const replication::Topology& topology = *context_.topology;
    const Event event = context_.notices.look({.at = turn_.now(),
                                               .forwarding = context_.forwarding(),
                                               .replacing = topology.fencing,
                                               .recorded = topology.notice,
                                               .date = unix_milliseconds()});
    if (event == Event::hold_begins) {
        for_all([number = *context_.notices.announced()](session::Session& each) { each.notices.begin_hold(number); });
    } else if (event == Event::hold_ends) {
        for_all([](session::Session& each) { each.notices.end_hold(); });
    }
}

void Shard::retry_held() {
    tell_of_holds();
    if (!context_.forwarding()) {
        return;
    }
    subscriptions_.restore();
    std::vector<session::SessionPtr> waiting;
    for (session::Session& each : registry_.held) {
        waiting.emplace_back(&each);
    }
    for (const session::SessionPtr& each : waiting) {
        each->hold.retry();
    }
}

/// Clients that have not logged in are told so when they ask for something. Those that only wait for what comes are
/// closed: nothing else would end what they are no longer allowed.
void Shard::on_login_required() {
    for (session::Session& each : registry_.all) {
        each.login.on_login_required();
    }
}

void Shard::close_sessions_of(const upstream::LinkIdentity& refused) {
    for (session::Session& each : registry_.all) {
        const upstream::LinkIdentity identity = each.login.identity();
        if (identity.username == refused.username && identity.password == refused.password) {
            each.login.on_login_refused();
        }
    }
}

}  // namespace portal::shard
