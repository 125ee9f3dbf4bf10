#include "demo/witness.hpp"

#include <algorithm>
#include <cstdio>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

namespace portal::demo {

namespace {

constexpr unsigned kEvery = 5;

Traffic::Plan plan_for(const LocalCluster& cluster, const std::filesystem::path& ca_file) {
    Traffic::Plan plan{.ports = {}, .ca_file = ca_file, .password = cluster.password()};
    for (const auto& portal : cluster.portals()) {
        plan.ports.push_back(portal.files.port);
    }
    return plan;
}

}  // namespace

Screen::Screen() : terminal_(::isatty(STDOUT_FILENO) == 1) {}

void Screen::say(const std::string& line) {
    fmt::print("{}{}\n", std::exchange(shown_, false) ? "\r\033[K" : "", line);
    std::fflush(stdout);
}

void Screen::show(const std::string& line) {
    if (terminal_) {
        fmt::print("\r\033[K{}", line);
        std::fflush(stdout);
        shown_ = true;
    } else if (left_out_++ % kEvery == 0) {
        say(line);
    }
}

Witness::Witness(const LocalCluster& cluster, const std::filesystem::path& ca_file, Screen& screen)
    : cluster_(cluster), screen_(screen), traffic_(plan_for(cluster, ca_file)), leader_(leader()) {}

std::string Witness::leader() const {
    const std::size_t index = cluster_.leader();
    return index < cluster_.nodes().size() ? cluster_.nodes()[index].files.name : std::string();
}

void Witness::look() {
    const Witnessed seen = traffic_.look();
    const auto now = Clock::now();
    const std::string leading = leader();
    longest_ = std::max(longest_, seen.longest);
    if (!leading.empty() && leading != leader_) {
        screen_.say(fmt::format(
            "{} leads now, after {}. The longest wait of a client was {} ms; {} errors, {} writes in doubt since the "
            "start.",
            leading, leader_.empty() ? "nobody did" : leader_, longest_.count(), seen.errors, seen.in_doubt));
        leader_ = leading;
    }
    if (leading == leader_) {
        longest_ = seen.longest;
    }
    if (seen.lost > 0 && !std::exchange(told_of_loss_, true)) {
        screen_.say(
            "A write that was answered is gone: the old leader had not sent it to its replica when it was killed. "
            "Redis replicates asynchronously; `--set writes.proven=strict` makes portals wait for the replica.");
    }
    const auto between = std::chrono::duration_cast<std::chrono::milliseconds>(now - looked_at_);
    screen_.show(traffic_line(seen, commands_, between, leading));
    commands_ = seen.commands;
    looked_at_ = now;
}

}  // namespace portal::demo
