#include "tests/fuzz/conversation.hpp"

#include "session/client_description.hpp"
#include "session/session_registry.hpp"
#include "tests/fuzz/fixed_world.hpp"
#include "tests/fuzz/harness.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <fmt/format.h>

namespace portal::fuzz {
namespace {

constexpr char kStep = '\xff';
/// All steps of a script together have so many turns of the loop at most: a few for each of them.
constexpr int kMostTurns = 20000;
/// Turns in which nothing reaches the harness: what is written in one turn is read in the next one.
constexpr int kQuiet = 3;
constexpr std::size_t kMostConnections = 400;

struct Ports {
    Port clients;
    std::array<Port, 2> nodes;
};
Ports& ports() {
    static Ports all;
    return all;
}

std::uint64_t hash_of(std::string_view bytes) {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const char byte : bytes) {
        hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
    }
    return hash;
}

std::size_t number_of(std::string_view bytes) {
    return bytes.empty() ? 0 : static_cast<unsigned char>(bytes.front());
}

}  // namespace

Conversation::Conversation(std::string_view script)
    : script_(script.size() > 2 ? script.substr(2) : std::string_view()),
      choices_(static_cast<std::uint8_t>(script.empty() ? '\0' : script[0])),
      manner_(static_cast<std::uint8_t>(script.size() < 2 ? '\0' : script[1])),
      alice_{"alice", fmt::format("pa{:016x}", hash_of(script)), fmt::format("SA{:016x}", hash_of(script) * 7)},
      bob_{"bob", fmt::format("pb{:016x}", hash_of(script)), fmt::format("SB{:016x}", hash_of(script) * 7)},
      node_(alice_, bob_, (manner_ & 2) != 0),
      permit_(std::make_shared<replication::ForwardPermit>()),
      withholds_((manner_ & 1) != 0) {
    clients_[1].user = User::bob;
    begin_world();
    for (const Port& port : ports().nodes) {
        for (int stray = port.accept(); stray >= 0; stray = port.accept()) {
            Socket{stray};
        }
    }
    permit_->extend(std::chrono::steady_clock::now() + std::chrono::hours(1));
    shard_ = std::make_unique<shard::Shard>(
        shard::ShardSetup{config(choices_), *this, permit_, [](const std::string&, std::string_view) {}, 0, 1,
                          (manner_ & 12) == 12 ? config::Serves::replicas : config::Serves::leader});
}

Conversation::~Conversation() = default;

config::ConfigPtr Conversation::config(std::uint8_t choices) const {
    auto config = std::make_shared<config::Config>();
    config->name = "fuzz";
    config->listen.push_back({{"127.0.0.1", 0}, std::nullopt});
    config->monitor.username = alice_.name;
    config->monitor.password = alice_.password;
    config->writes.in_doubt = (choices & 1) != 0 ? config::InDoubt::close : config::InDoubt::error;
    config->hold.time = std::chrono::milliseconds((choices & 2) != 0 ? 200 : 10000);
    config->hold.bytes.count = (choices & 4) != 0 ? 4096 : 1 << 20;
    config->limits.output_bytes.count = (choices & 4) != 0 ? 64 * 1024 : 16 << 20;
    config->limits.request_bytes.count = (choices & 8) != 0 ? 1 << 20 : 512 << 20;
    config->limits.idle_time = std::chrono::milliseconds((choices & 16) != 0 ? 5000 : 0);
    config->upstream.answer_time = std::chrono::milliseconds((choices & 32) != 0 ? 1000 : 0);
    config->limits.leases = (choices & 8) != 0 ? 1 : 4000;
    constexpr std::array kProven{config::Proven::off, config::Proven::off, config::Proven::available,
                                 config::Proven::strict};
    config->writes.proven = kProven[static_cast<std::size_t>(choices >> 6)];
    return config;
}

void Conversation::run() {
    lead(0);
    for (Client& client : clients_) {
        connect(client);
    }
    shard_->post([this](session::SessionContext& context) { on_turn(context); });
    shard_->run();
    require(shard_->counters().upstream_links_pinned.get() == 0, "a link is left behind the end");
}

/// As an event of each turn of the loop.
void Conversation::on_turn(session::SessionContext& context) {
    require(++turns_ < kMostTurns, "does not come to rest");
    quiet_ = move() ? 0 : quiet_ + 1;
    if (quiet_ > kQuiet) {
        quiet_ = 0;
        if (!script_.empty()) {
            step();
        } else if (!end_step(context)) {
            return;
        }
    }
    shard_->post([this](session::SessionContext& again) { on_turn(again); });
}

void Conversation::step() {
    pass_time(std::chrono::milliseconds(1));
    const std::size_t begin = script_.find(kStep);
    if (begin == std::string_view::npos || begin + 1 == script_.size()) {
        script_ = {};
        return;
    }
    const std::size_t end = script_.find(kStep, begin + 2);
    const std::string_view step = script_.substr(begin + 1, end - begin - 1);
    script_ = end == std::string_view::npos ? std::string_view() : script_.substr(end);
    const bool known = kActors.find(step[0]) != std::string_view::npos;
    act(known ? step[0] : kActors[static_cast<unsigned char>(step[0]) % kActors.size()], step.substr(1));
}

void Conversation::act(char actor, std::string_view bytes) {
    const std::size_t number = number_of(bytes);
    Connection* const connection = connection_at(bytes);
    switch (actor) {
        case 'A':  // a client sends
        case 'B':
        case 'C': {
            Client& client = clients_[static_cast<std::size_t>(actor - 'A')];
            if (!client.socket.open()) {
                connect(client);
            }
            client.socket.send(bytes);
            break;
        }
        case 'a':  // a client ends, or says that it sends no more
        case 'b':
        case 'c':
            if (Client& client = clients_[static_cast<std::size_t>(actor - 'a')]; bytes.empty()) {
                client.socket.close();
            } else {
                client.socket.finish_sending();
            }
            break;
        case 'N':  // the node sends what no honest one does
            if (connection != nullptr) {
                disturb(*connection, bytes.substr(1));
            }
            break;
        case 'n':  // the node sends what it has withheld: everywhere, or on one connection
            for (const auto& each : connections_) {
                if (bytes.empty() || each.get() == connection) {
                    each->socket.send(std::exchange(each->withheld, {}));
                }
            }
            withholds_ = bytes.size() > 1 ? (number_of(bytes.substr(1)) & 1) != 0 : withholds_;
            break;
        case 'x':
            if (connection != nullptr) {
                if (bytes.size() == 1) {
                    connection->socket.close();
                } else {
                    connection->socket.finish_sending();
                }
            }
            break;
        case 'L':  // another leader, or none
            if ((number & 3) < 2) {
                epoch_ += (number & 4) >> 2U;
                lead(number & 1);
            } else {
                replication::Topology topology;
                epoch_ += 1 + (number & 4);
                topology.fencing = (number & 1) != 0;
                topology.reason = "nobody leads";
                publish(std::move(topology));
            }
            break;
        case 'P':
            if (number % 2 == 0) {
                permit_->revoke();
            } else {
                permit_->extend(std::chrono::steady_clock::now() + std::chrono::hours(1));
            }
            break;
        case 'T': {
            constexpr std::array<int, 8> kTimes{1, 50, 60, 120, 300, 1100, 11000, 61000};
            pass_time(std::chrono::milliseconds(kTimes[number % kTimes.size()]));
            break;
        }
        case 'R':
            clients_[number % 3].reads = !clients_[number % 3].reads;
            break;
        case 'E':
            node_.fail_next(bytes.substr(0, 200));
            break;
        case 'G':
            node_.grow_next(std::size_t{1024} << (number % 10));
            break;
        case 'M':
            for (const auto& each : connections_) {
                each->socket.send(node_.messages(each->state));
            }
            break;
        case 'u':  // what blocks is answered
            for (const auto& each : connections_) {
                if (std::exchange(each->blocks, false)) {
                    each->withheld += each->state.protocol == 3 ? "_\r\n" : "*-1\r\n";
                }
            }
            break;
        case 'K':
            shard_->configure(config(static_cast<std::uint8_t>((choices_ & 0xc0U) | (number & 0x3fU))),
                              shard::TlsContexts(1));
            break;
        case 'D':
            if (number == 'd') {
                shard_->drain({});
            }
            break;
        default:
            break;
    }
}

/// The script is over: everybody behaves, the clients go, and so must everything that was kept for them. False: the
/// loop ends.
bool Conversation::end_step(session::SessionContext& context) {
    switch (ending_++) {
        case 0:
            withholds_ = false;
            for (const auto& each : connections_) {
                if (each->disturbed || each->blocks) {
                    each->socket.close();
                }
            }
            for (Client& client : clients_) {
                client.reads = true;
                client.socket.close();
            }
            permit_->extend(std::chrono::steady_clock::now() + std::chrono::hours(1));
            lead(0);
            return true;
        case 1:
        case 2:
        case 3:
            pass_time(std::chrono::seconds(61));
            permit_->extend(std::chrono::steady_clock::now() + std::chrono::hours(1));
            return true;
        case 4:
            require_nothing_left(context);
            if (!hostile_) {
                require(context.counters.fences_broken.get() == 0, "an honest node has failed a fence");
            }
            shard_->end();
            return true;
        default:
            return true;  // until the loop ends
    }
}

void Conversation::require_nothing_left(session::SessionContext& context) const {
    const observe::ShardCounters& counters = context.counters;
    for (const session::Session& each : context.registry.all) {
        std::string line;
        session::write_client_line(line, session::describe(each));
        std::fprintf(stderr, "left: %s", line.c_str());
    }
    require(context.registry.all.empty() && context.registry.by_id.empty(), "a session outlives its client");
    require(counters.client_connections.get() == 0, "a session is still counted");
    require(context.registry.held.empty() && counters.sessions_held.get() == 0, "a session is still held");
    require(context.limits.held.used == 0 && counters.held_bytes.get() == 0, "bytes are still held");
    require(context.registry.parked.empty() && counters.replies_unproven.get() == 0, "a reply waits for a proof");
    require(context.links.in_flight() == 0, "a request is still in flight");
    const std::uint64_t own = (context.writes.proof != nullptr ? 1U : 0U) + (context.counts.used() ? 1U : 0U);
    require(counters.upstream_links_pinned.get() <= own, "a link is still leased");
    require(counters.subscribed_names.get() == 0, "a subscription is left");
}

bool Conversation::move() {
    const std::size_t before = connections_.size();
    const bool came = anything_came();
    if (came) {
        accept_links();
    }
    bool moved = connections_.size() != before;
    for (std::size_t i = 0; i < connections_.size();) {
        moved = move(*connections_[i], came) || moved;
        if (connections_[i]->socket.open()) {
            ++i;
        } else {
            connections_.erase(connections_.begin() + static_cast<std::ptrdiff_t>(i));
            moved = true;
        }
    }
    for (Client& client : clients_) {
        moved = move(client, came) || moved;
    }
    return moved;
}

void Conversation::accept_links() {
    for (const Port& port : ports().nodes) {
        for (int link = port.accept(); link >= 0; link = port.accept()) {
            require(connections_.size() < kMostConnections, "there are ever more links");
            connections_.push_back(std::make_unique<Connection>());
            connections_.back()->socket = Socket(link);
        }
    }
}

bool Conversation::move(Connection& connection, bool came) {
    const bool sent = connection.socket.send_rest();
    const std::string_view bytes = came ? connection.socket.receive() : std::string_view();
    connection.input.append(bytes);
    const bool answered = answer(connection);
    return sent || answered || !bytes.empty();
}

/// True: something was sent.
bool Conversation::answer(Connection& connection) {
    std::size_t at = 0;
    HonestNode::Words words;
    while (!connection.blocks && HonestNode::take_request(connection.input, at, words)) {
        const auto reply = node_.answer(connection.state, words);
        connection.blocks = !reply;
        connection.withheld += reply.value_or("");
    }
    connection.input.erase(0, at);
    confused_ = confused_ || (hostile_ && (node_.tried() || node_.tracks()));
    if (withholds_ || connection.withheld.empty()) {
        return false;
    }
    connection.socket.send(std::exchange(connection.withheld, {}));
    return true;
}

bool Conversation::move(Client& client, bool came) {
    const bool sent = client.socket.send_rest();
    if (!came || !client.reads) {
        return sent;
    }
    const std::string_view bytes = client.socket.receive();
    if (!bytes.empty()) {
        check(client, bytes);
    }
    return sent || !bytes.empty();
}

/// No user gets what is another's; and what an honest node's client gets is RESP.
void Conversation::check(Client& client, std::string_view bytes) {
    client.tail.append(bytes);
    const Secret& other = client.user == User::alice ? bob_ : alice_;
    require(confused_ || client.tail.find(other.mark) == std::string::npos, "a value has reached another user");
    require(client.tail.find(other.password) == std::string::npos, "a password has reached another user");
    client.tail.erase(0, client.tail.size() - std::min(client.tail.size(), other.mark.size()));
    if (hostile_) {
        return;
    }
    client.got.append(bytes);
    std::size_t at = 0;
    while (at < client.got.size()) {
        const resp::ScanResult result = client.scanner.scan(std::string_view(client.got).substr(at));
        require(result.status != resp::ScanStatus::error, "a client is sent something else than replies");
        if (result.status != resp::ScanStatus::complete) {
            break;
        }
        at += result.size;
    }
    client.got.erase(0, at);
}

void Conversation::connect(Client& client) {
    Port& port = ports().clients;
    const int ours = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(ours >= 0 && ::connect(ours, reinterpret_cast<sockaddr*>(&port.address), sizeof port.address) == 0,
            "a client cannot connect");
    ::fcntl(ours, F_SETFL, O_NONBLOCK);
    const int theirs = port.accept();
    require(theirs >= 0, "a client is not accepted");
    if ((choices_ & 4) != 0) {
        const int small = 4096;
        ::setsockopt(theirs, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        ::setsockopt(ours, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    }
    shard_->adopt(theirs, 0, false);
    client.socket = Socket(ours);
    client.tail.clear();
    client.got.clear();
    client.scanner = resp::ReplyScanner(kLimits);
    const Secret& secret = client.user == User::alice ? alice_ : bob_;
    client.socket.send(fmt::format("AUTH {} {}\r\n", secret.name, secret.password));
}

/// On a connection of nobody's these bytes may tell the portal that somebody is another user.
void Conversation::disturb(Connection& connection, std::string_view bytes) {
    hostile_ = true;
    connection.disturbed = true;
    confused_ =
        confused_ || connection.state.first.value_or(User::nobody) == User::nobody || node_.tried() || node_.tracks();
    connection.socket.send(bytes);
}

void Conversation::lead(std::size_t node) {
    replication::Topology topology;
    ++epoch_;
    topology.leader =
        replication::Node{fmt::format("n{}", node), {"127.0.0.1", ntohs(ports().nodes[node].address.sin_port)}};
    if (choices_ >= 0xc0 && (manner_ & 16) != 0) {
        topology.confirming.push_back({"r", {"127.0.0.1"}, 7});
    }
    publish(std::move(topology));
}

void Conversation::publish(replication::Topology topology) {
    topology.epoch = replication::Epoch{epoch_};
    shard_->publish(std::make_shared<const replication::Topology>(std::move(topology)), [] {});
}

Conversation::Connection* Conversation::connection_at(std::string_view bytes) {
    return bytes.empty() || connections_.empty() ? nullptr : connections_[number_of(bytes) % connections_.size()].get();
}

}  // namespace portal::fuzz
