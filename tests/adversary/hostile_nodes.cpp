#include "hostile_nodes.hpp"

#include "marks.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

namespace portal::adversary {

namespace {

constexpr std::size_t kTraceLines = 100000;
constexpr std::string_view kMaxClients = "-ERR max number of clients reached\r\n";

}  // namespace

HostileNodes::HostileNodes(std::uint64_t seed, std::size_t nodes, Users users, const Switches& switches, Ledger& ledger)
    : chance_(seed), switches_(switches), users_(std::move(users)), ledger_(ledger) {
    tracing_ = std::getenv("ADVERSARY_TRACE") != nullptr;
    for (std::size_t i = 0; i < nodes; ++i) {
        auto node = std::make_unique<Node>();
        node->listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(node->listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::listen(node->listener, 512) != 0 ||
            ::getsockname(node->listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
            throw std::runtime_error("no port on loopback for a node");
        }
        node->port = ntohs(address.sin_port);
        nodes_.push_back(std::move(node));
    }
    thread_ = std::thread([this] { run(); });
}

HostileNodes::~HostileNodes() {
    stopping_ = true;
    thread_.join();
    for (const auto& each : connections_) {
        if (!each->dead) {
            ::close(each->descriptor);
        }
    }
    for (const auto& each : nodes_) {
        ::close(each->listener);
    }
}

void HostileNodes::set_switches(const Switches& switches) {
    const std::lock_guard lock(mutex_);
    switches_ = switches;
}

void HostileNodes::lead(std::size_t node) {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        nodes_[i]->leads = i == node;
    }
    for (const auto& each : connections_) {
        if (each->node != node && each->blocked) {
            each->blocked.reset();
            send(*each, error("UNBLOCKED force unblock from blocking operation, instance state changed (master -> "
                              "replica?)"));
        }
    }
}

void HostileNodes::close_connections_of(std::uint32_t user) {
    const std::lock_guard lock(mutex_);
    for (const auto& each : connections_) {
        if (each->user == user && each->authenticated) {
            close(*each);
        }
    }
}

User HostileNodes::user(std::uint32_t index) const {
    const std::lock_guard lock(mutex_);
    return users_.at(index);
}

void HostileNodes::forget(std::uint32_t database, const std::string& key) {
    const std::lock_guard lock(mutex_);
    data_[database].erase(key);
}

void HostileNodes::close_all() {
    const std::lock_guard lock(mutex_);
    for (const auto& each : connections_) {
        close(*each);
    }
}

std::size_t HostileNodes::connections() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count_if(connections_, [](const auto& each) { return !each->dead; }));
}

std::uint32_t HostileNodes::most_deadly_reads() const {
    const std::lock_guard lock(mutex_);
    std::uint32_t most = 0;
    for (const auto& [key, times] : deadly_reads_) {
        most = std::max(most, times);
    }
    return most;
}

std::vector<std::string> HostileNodes::trace() const {
    const std::lock_guard lock(mutex_);
    return {trace_.begin(), trace_.end()};
}

void HostileNodes::note(const Connection& connection, const Words& words, std::string_view reply) {
    if (!tracing_) {
        return;
    }
    std::string line = fmt::format("link {} {} p{} db{}:", connection.id, users_.at(connection.user).name,
                                   connection.protocol, connection.database);
    for (const std::string& word : words) {
        line += " " + shown(word, 40);
    }
    trace_.push_back(line + " -> " + shown(reply, 60));
    if (trace_.size() > kTraceLines) {
        trace_.pop_front();
    }
}

void HostileNodes::run() {
    std::vector<pollfd> waiting;
    while (!stopping_.load()) {
        waiting.clear();
        bool soon = false;
        {
            const std::lock_guard lock(mutex_);
            std::erase_if(connections_, [](const auto& each) { return each->dead; });
            for (const auto& each : nodes_) {
                waiting.push_back({each->listener, POLLIN, 0});
            }
            for (const auto& each : connections_) {
                const bool stalled = each->stalled_until > Clock::now();
                const bool later = each->piece_due > Clock::now();
                soon = soon || stalled || later || each->blocked.has_value();
                const auto wanted = static_cast<short>((stalled ? 0 : POLLIN) |
                                                       (!each->output.empty() && !later && !stalled ? POLLOUT : 0));
                waiting.push_back({each->descriptor, wanted, 0});
            }
        }
        ::poll(waiting.data(), waiting.size(), soon ? 1 : 5);
        const std::lock_guard lock(mutex_);
        // The list only grows at its end meanwhile, so places still fit.
        const std::size_t known = waiting.size() - nodes_.size();
        for (std::size_t i = 0; i < known; ++i) {
            Connection& connection = *connections_[i];
            const short found = waiting[nodes_.size() + i].revents;
            if (!connection.dead && (found & (POLLIN | POLLHUP | POLLERR)) != 0) {
                read_from(connection);
            }
            if (!connection.dead) {
                expire_blocked(connection, Clock::now());
                serve(connection);
            }
            if (!connection.dead) {
                write_to(connection);
            }
        }
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            if ((waiting[i].revents & POLLIN) != 0) {
                accept_all(i);
            }
        }
    }
}

void HostileNodes::accept_all(std::size_t node) {
    for (;;) {
        const int descriptor = ::accept4(nodes_[node]->listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor < 0) {
            return;
        }
        const int on = 1;
        ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        auto connection = std::make_unique<Connection>();
        connection->id = ++next_id_;
        connection->node = node;
        connection->descriptor = descriptor;
        connection->authenticated = users_.default_open();
        if (chance_.hits(switches_.share(Act::max_clients))) {
            connection->output = kMaxClients;
            connection->closing = true;
            write_to(*connection);
        }
        connections_.push_back(std::move(connection));
    }
}

void HostileNodes::read_from(Connection& connection) {
    std::array<char, 65536> space;
    for (int i = 0; i < 16; ++i) {
        const ssize_t size = ::recv(connection.descriptor, space.data(), space.size(), 0);
        if (size == 0 || (size < 0 && errno != EAGAIN)) {
            close(connection);
            return;
        }
        if (size < 0) {
            return;
        }
        connection.input.append(space.data(), static_cast<std::size_t>(size));
    }
}

void HostileNodes::serve(Connection& connection) {
    Words words;
    while (!connection.dead && !connection.closing && !connection.close_after && !connection.blocked &&
           connection.stalled_until <= Clock::now() && take_request(connection.input, words)) {
        if (words.empty()) {
            ledger_.wrong("the portal breaks the protocol towards the node", shown(connection.input));
            close(connection);
            return;
        }
        ++commands_;
        const bool before = chance_.hits(switches_.share(Act::close) / 2);
        if (before) {
            note(connection, words, "(closed, not executed)");
            close(connection);
            return;
        }
        std::string reply = answer(connection, words);
        note(connection, words, connection.blocked ? "(blocked)" : reply);
        if (!connection.dead) {
            do_hostile(connection, reply);
            send(connection, std::move(reply));
        }
    }
}

/// What may happen to any reply on its way out.
void HostileNodes::do_hostile(Connection& connection, std::string& reply) {
    const Act protocol = connection.protocol == 3 ? Act::push : Act::push_resp2;
    const Act pushing = connection.last.empty() ? Act::push_setup : protocol;
    if (chance_.hits(switches_.share(pushing))) {
        reply = chance_.hits(0.5) ? std::string(kNoise) + reply : reply + std::string(kNoise);
    }
    if (chance_.hits(switches_.share(Act::stall))) {
        connection.stalled_until = Clock::now() + std::chrono::milliseconds(chance_.between(5, 250));
    }
    if (chance_.hits(switches_.share(Act::close) / 2)) {
        connection.close_after = connection.output.size() + chance_.below(reply.size() + 1);
    }
}

void HostileNodes::send(Connection& connection, std::string bytes) {
    if (connection.output.empty()) {
        connection.output = std::move(bytes);
    } else {
        connection.output += bytes;
    }
}

void HostileNodes::write_to(Connection& connection) {
    const auto now = Clock::now();
    if (connection.stalled_until > now || connection.piece_due > now) {
        return;
    }
    const std::size_t most = connection.close_after.value_or(connection.output.size());
    std::size_t size = std::min(most, connection.output.size());
    const bool cut = size > 1 && chance_.hits(switches_.share(Act::split));
    if (cut) {
        size =
            chance_.hits(0.5) ? chance_.between(1, size - 1) : chance_.between(1, std::min<std::size_t>(size - 1, 40));
        connection.piece_due = now + std::chrono::microseconds(chance_.between(0, 3000));
    }
    std::size_t sent = 0;
    while (sent < size) {
        const ssize_t n = ::send(connection.descriptor, connection.output.data() + sent, size - sent, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN) {
                close(connection);
                return;
            }
            break;
        }
        sent += static_cast<std::size_t>(n);
    }
    connection.output.erase(0, sent);
    if (connection.close_after) {
        *connection.close_after -= sent;
    }
    if (connection.close_after == 0U || (connection.closing && connection.output.empty())) {
        close(connection);
    }
}

void HostileNodes::close(Connection& connection) {
    if (!connection.dead) {
        ::close(connection.descriptor);
        connection.dead = true;
        connection.blocked.reset();
        connection.tracking = {};
        connection.channels.clear();
        connection.patterns.clear();
    }
}

void HostileNodes::expire_blocked(Connection& connection, Clock::time_point now) {
    if (connection.blocked && connection.blocked->until && *connection.blocked->until <= now) {
        connection.blocked.reset();
        send(connection, null_array(connection.protocol));
    }
}

Connection* HostileNodes::find(std::uint64_t id) {
    const auto found =
        std::ranges::find_if(connections_, [&](const auto& each) { return each->id == id && !each->dead; });
    return found == connections_.end() ? nullptr : found->get();
}

}  // namespace portal::adversary
