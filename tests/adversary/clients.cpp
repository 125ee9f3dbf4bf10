#include "clients.hpp"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

namespace portal::adversary {

namespace {

constexpr std::chrono::seconds kStuck{20};
constexpr std::uint64_t kStuckTurns = 1000;

}  // namespace

Clients::Clients(std::size_t count, Chance& chance, PortalInProcess& portal, Scenes& scenes, Judge& judge)
    : chance_(chance), portal_(portal), scenes_(scenes), judge_(judge) {
    for (std::uint32_t id = 0; id < count; ++id) {
        all_.push_back(std::make_unique<Client>());
        all_.back()->id = id;
        all_.back()->buddy = id ^ 1U;
    }
    scenes_.portal_id_of = [this](std::uint32_t client) { return portal_id_of(client); };
}

Clients::~Clients() {
    close_all();
}

std::uint64_t Clients::portal_id_of(std::uint32_t client) const {
    return client < all_.size() && all_[client]->open() ? all_[client]->portal_id : 0;
}

void Clients::open(Client& client) {
    client.forget_connection();
    client.descriptor = portal_.connect();
    ++client.connections;
    client.note(fmt::format("--- connection {}", client.connections));
    scenes_.begin_connection(client);
}

void Clients::close(Client& client) {
    ::close(client.descriptor);
    client.descriptor = -1;
    client.next = Clock::now() + std::chrono::milliseconds(chance_.below(20));
}

void Clients::close_all() {
    for (const auto& each : all_) {
        if (each->open()) {
            judge_.lost(*each, false);
            close(*each);
        }
    }
}

bool Clients::quiet() const {
    return std::ranges::all_of(all_, [](const auto& each) { return !each->open() || each->idle(); });
}

void Clients::turn(bool begins) {
    ++turn_;
    std::vector<pollfd> waiting;
    std::vector<Client*> whose;
    for (const auto& each : all_) {
        go_on(*each, begins);
        if (each->open()) {
            write(*each);
        }
        if (each->open()) {
            waiting.push_back({each->descriptor, static_cast<short>(POLLIN | (each->output.empty() ? 0 : POLLOUT)), 0});
            whose.push_back(each.get());
        }
    }
    ::poll(waiting.data(), waiting.size(), 2);
    for (std::size_t i = 0; i < waiting.size(); ++i) {
        if ((waiting[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            on_readable(*whose[i]);
        }
    }
}

/// Sends the next step of its scene, or begins another scene.
void Clients::go_on(Client& client, bool begins) {
    const auto now = Clock::now();
    if (!client.open()) {
        if (begins && client.next <= now) {
            open(client);
        }
        return;
    }
    if (client.leaving && client.output.empty()) {
        client.note("--- leaves");
        judge_.lost(client, false);
        close(client);
        return;
    }
    if (!client.expected.empty() || !client.output.empty()) {
        return;
    }
    if (client.unsure || client.multi == Known::unknown || (client.multi == Known::yes && client.steps.empty())) {
        client.note("--- leaves, since it does not know its state");
        judge_.lost(client, false);
        close(client);
    } else if (!client.steps.empty()) {
        const auto step = std::move(client.steps.front());
        client.steps.pop_front();
        step(client);
    } else if (begins && client.next <= now) {
        ++begun_;
        scenes_.begin(client);
        client.next = now + std::chrono::milliseconds(chance_.hits(0.2) ? chance_.below(60) : chance_.below(4));
    }
}

void Clients::write(Client& client) {
    while (!client.output.empty()) {
        // Now and then in pieces: what follows goes out in the next round.
        const bool cut = client.output.size() > 1 && chance_.hits(0.05);
        const std::size_t size = cut ? chance_.between(1, client.output.size() - 1) : client.output.size();
        const ssize_t sent = ::send(client.descriptor, client.output.data(), size, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) {
                client.output.clear();  // reading tells why
            }
            return;
        }
        client.output.erase(0, static_cast<std::size_t>(sent));
        if (cut) {
            return;
        }
    }
}

void Clients::on_readable(Client& client) {
    std::string space(256 * 1024, '\0');
    bool ended = false;
    for (int i = 0; i < 8; ++i) {
        const ssize_t size = ::recv(client.descriptor, space.data(), space.size(), 0);
        if (size < 0 && errno == EAGAIN) {
            break;
        }
        if (size <= 0) {
            ended = true;
            break;
        }
        client.input.append(space.data(), static_cast<std::size_t>(size));
    }
    client.progress = Clock::now();
    client.progress_turn = turn_;
    std::size_t taken = 0;
    while (client.input.size() - taken >= std::max<std::size_t>(1, client.worth_parsing)) {
        Value value;
        const Parsed parsed = parse_value(std::string_view(client.input).substr(taken), value);
        if (parsed == Parsed::malformed) {
            judge_.wrong(client, "what comes is no reply", shown(std::string_view(client.input).substr(taken), 120));
            ended = true;
            break;
        }
        if (parsed == Parsed::more) {
            client.worth_parsing = std::max(value.size, client.input.size() - taken + 1);
            break;
        }
        taken += value.size;
        client.worth_parsing = 0;
        judge_.take(client, value);
    }
    client.input.erase(0, taken);
    if (ended) {
        client.note("--- the portal has closed the connection");
        judge_.lost(client, true);
        close(client);
    }
}

void Clients::look_for_stuck() {
    for (const auto& each : all_) {
        Client& client = *each;
        if (!client.open() || client.expected.empty()) {
            continue;
        }
        const auto since = std::max(client.expected.front().sent, client.progress);
        if (client.expected.front().turn == 0) {
            client.expected.front().turn = turn_;
        }
        const std::uint64_t from = std::max(client.expected.front().turn, client.progress_turn);
        if (Clock::now() - since > kStuck && turn_ - from > kStuckTurns) {
            const Command& oldest = client.expected.front();
            judge_.wrong(
                client, "a client waits beyond all bounds",
                fmt::format("{} answers outstanding, {} bytes of one have come, the oldest of {}",
                            client.expected.size(), client.input.size(), oldest.words.empty() ? "?" : oldest.words[0]));
            judge_.lost(client, false);
            close(client);
        }
    }
}

}  // namespace portal::adversary
