#include "run.hpp"

#include "clients.hpp"
#include "hostile_nodes.hpp"
#include "ledger.hpp"
#include "login_probe.hpp"
#include "portal_in_process.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <thread>

#include <fmt/format.h>

namespace portal::adversary {

namespace {

constexpr std::size_t kUsers = 6;
constexpr std::uint32_t kShards = 2;
constexpr std::chrono::milliseconds kHold{1500};
/// For everything to come to an end; a slow machine needs a part of it.
constexpr std::chrono::seconds kEnd{60};
/// A run ends early when so much was found wrong. With a trace at the first thing, so that the trace shows it.
std::size_t enough() {
    return std::getenv("ADVERSARY_TRACE") != nullptr ? 1 : 5;
}
constexpr double kLongestRun = 60;

/// Events that come so often a second.
class Now {
  public:
    explicit Now(Chance& chance) : chance_(chance) {}
    void measure() {
        const auto now = Clock::now();
        passed_ = std::chrono::duration<double>(now - last_).count();
        last_ = now;
    }
    [[nodiscard]] bool due(double each_second) { return chance_.hits(each_second * passed_); }

  private:
    Chance& chance_;
    Clock::time_point last_ = Clock::now();
    double passed_ = 0;
};

void change_user(HostileNodes& nodes, Chance& chance) {
    const auto which = static_cast<std::uint32_t>(chance.between(1, kUsers));
    const bool deleted = chance.hits(0.5);
    nodes.change_users([&](Users& users) { users.at(which).password = fmt::format("new-{}", chance.below(100000)); });
    if (deleted) {
        nodes.close_connections_of(which);
    }
}

/// The leader changes while clients go on: nobody leads until every shard has said that it has stopped forwarding.
class LeaderChange {
  public:
    LeaderChange(PortalInProcess& portal, HostileNodes& nodes, Ledger& ledger)
        : portal_(portal), nodes_(nodes), ledger_(ledger) {}

    void begin() {
        if (!changing_) {
            leader_ = 1 - leader_;
            nodes_.lead(leader_);  // first, so that nothing is written to the old one any more
            portal_.nobody_leads();
            changing_ = true;
            since_ = Clock::now();
        }
    }
    void go_on() {
        if (!changing_) {
            return;
        }
        if (!portal_.applied() && Clock::now() - since_ > kEnd) {
            ledger_.wrong("a portal does not stop forwarding", "it did not say so within a minute");
            since_ = Clock::now();
        }
        if (portal_.applied()) {
            portal_.lead(nodes_.port(leader_));
            changing_ = false;
        }
    }

  private:
    PortalInProcess& portal_;
    HostileNodes& nodes_;
    Ledger& ledger_;
    std::size_t leader_ = 0;
    bool changing_ = false;
    Clock::time_point since_{};
};

/// All clients have gone: nothing of them may remain.
void check_end(PortalInProcess& portal, Ledger& ledger) {
    const auto until = Clock::now() + kEnd;
    std::string remains = portal.remains();
    while (!remains.empty() && Clock::now() < until) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        remains = portal.remains();
    }
    if (!remains.empty()) {
        ledger.wrong("something remains when all clients have gone", remains);
    }
}

}  // namespace

Outcome run(const Hostility& hostility, std::uint64_t seed, double seconds) {
    Ledger ledger;
    Chance chance(seed);
    Users users(kUsers, chance, !hostility.limited_users);
    HostileNodes nodes(seed + 1, 2, users, hostility.switches, ledger);
    nodes.lead(0);
    Outcome outcome{.seed = seed};
    {
        PortalInProcess portal(kShards, kHold);
        Judge judge(ledger, nodes, hostility.tolerance);
        Scenes scenes(chance, hostility.script, nodes, ledger, kUsers);
        Clients clients(hostility.clients, chance, portal, scenes, judge);
        LeaderChange leader(portal, nodes, ledger);
        LoginProbe probe(portal, nodes, ledger);
        portal.lead(nodes.port(0));
        const auto until =
            Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
        Now now(chance);
        while (Clock::now() < until && ledger.count() < enough()) {
            clients.turn(true);
            clients.look_for_stuck();
            now.measure();
            leader.go_on();
            if (hostility.probes_login) {
                probe.turn();
            }
            if (now.due(hostility.leader_changes)) {
                leader.begin();
            }
            if (now.due(hostility.all_links_closed)) {
                nodes.close_all();
            }
            if (now.due(hostility.user_changes)) {
                change_user(nodes, chance);
            }
            if (now.due(hostility.default_changes)) {
                nodes.change_users([](Users& all) { all.at(0).enabled = !all.at(0).enabled; });
            }
        }
        // Nobody begins anything new; whoever waits is answered, or complained of.
        const auto end = Clock::now() + kEnd;
        while (!clients.quiet() && Clock::now() < end && ledger.count() < enough()) {
            clients.turn(false);
            leader.go_on();
            clients.look_for_stuck();
        }
        clients.close_all();
        probe.leave();
        if (ledger.count() < enough()) {
            // Idle links go too: whoever still believes to hold one hears of it now.
            nodes.set_switches({});
            nodes.close_all();
            check_end(portal, ledger);
        }
        if (hostility.no_login_lost && portal.closed(observe::Closed::login) > 0) {
            ledger.wrong("clients are closed as if their login were wrong",
                         fmt::format("{} of them", portal.closed(observe::Closed::login)));
        }
        if (hostility.closed_in_doubt) {
            using observe::Closed;
            for (const Closed reason : {Closed::backend, Closed::login, Closed::protocol, Closed::output_limit}) {
                if (portal.closed(reason) > 0) {
                    ledger.wrong("connections end for another reason than doubt",
                                 fmt::format("{} for reason {}", portal.closed(reason), static_cast<int>(reason)));
                }
            }
        }
        if (hostility.deadly_reads > 0 && nodes.most_deadly_reads() > hostility.deadly_reads) {
            ledger.wrong("a read that brings a connection down is asked again and again",
                         fmt::format("one was asked {} times", nodes.most_deadly_reads()));
        }
        outcome.rule_changes = probe.changes();
        outcome.scenes = clients.scenes_begun();
        outcome.answers = judge.answers();
        outcome.in_doubt = judge.in_doubt();
        outcome.links_lost = portal.links_lost();
    }
    outcome.node_commands = nodes.commands();
    outcome.wrong = ledger.found();
    if (!outcome.wrong.empty() && std::getenv("ADVERSARY_TRACE") != nullptr) {
        for (const std::string& line : nodes.trace()) {
            std::cerr << line << '\n';
        }
    }
    return outcome;
}

Hostility without_excluded(Hostility hostility) {
    const char* wanted = std::getenv("ADVERSARY_WITHOUT");
    const std::string excluded = fmt::format(",{},", wanted != nullptr ? wanted : "");
    for (std::size_t i = 0; i < static_cast<std::size_t>(Scene::count); ++i) {
        if (excluded.find(fmt::format(",{},", name_of(static_cast<Scene>(i)))) != std::string::npos) {
            hostility.script.with(static_cast<Scene>(i), 0);
        }
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(Act::count); ++i) {
        if (excluded.find(fmt::format(",{},", name_of(static_cast<Act>(i)))) != std::string::npos) {
            hostility.switches.with(static_cast<Act>(i), 0);
        }
    }
    return hostility;
}

std::string run_all(const Hostility& wanted) {
    const Hostility hostility = without_excluded(wanted);
    const char* wanted_seed = std::getenv("ADVERSARY_SEED");
    const char* wanted_seconds = std::getenv("ADVERSARY_SECONDS");
    std::uint64_t seed = wanted_seed != nullptr ? std::strtoull(wanted_seed, nullptr, 10) : 1;
    double left = wanted_seconds != nullptr ? std::strtod(wanted_seconds, nullptr) : hostility.seconds;
    std::string found;
    while (left > 0 && found.empty()) {
        const double seconds = std::min(left, kLongestRun);
        const Outcome outcome = run(hostility, seed, seconds);
        left -= seconds;
        const std::string what = fmt::format(
            "{}: seed {}, {} scenes, {} answers, {} commands at the nodes, {} links lost, {} writes in doubt ({})",
            hostility.name, seed, outcome.scenes, outcome.answers, outcome.node_commands, outcome.links_lost,
            outcome.in_doubt, hostility.switches.text());
        std::cout << what << std::endl;
        for (const std::string& each : outcome.wrong) {
            found += fmt::format("{}\n", each);
        }
        if (!found.empty()) {
            found = what + "\n" + found;
        }
        ++seed;
    }
    return found;
}

}  // namespace portal::adversary
