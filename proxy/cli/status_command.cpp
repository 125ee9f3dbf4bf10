#include "cli/status_command.hpp"

#include "cli/admin_client.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <vector>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

namespace portal::cli {
namespace {

using admin::shown;
constexpr auto kTime = std::chrono::seconds(5);

struct Arguments {
    AdminAccess access;
    bool json = false;
    bool watch = false;
    bool check = false;
};

/// Exit statuses of --check, as monitors like Nagios read them.
enum Verdict : int { well = 0, degraded = 1, no_leader = 2, unreachable = 3 };

constexpr auto kWatchInterval = std::chrono::seconds(2);
/// Home, and clear what is below: the terminal shows the newest status alone.
constexpr std::string_view kClearScreen = "\x1B[H\x1B[2J";

std::string printable(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7F'; }, '?');
    return text;
}

void add_line(std::string& out, std::string_view title, const std::string& value) {
    fmt::format_to(std::back_inserter(out), "{:<15} {}\n", title, printable(value));
}

/// Columns as wide as their longest cell; those from `first_number` on are right-aligned.
std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t first_number) {
    std::vector<std::size_t> widths(rows.front().size());
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], row[i].size());
        }
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += i == 0 ? "  " : "   ";
            line +=
                i < first_number ? fmt::format("{:<{}}", row[i], widths[i]) : fmt::format("{:>{}}", row[i], widths[i]);
        }
        out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return out;
}

std::string state_sentence(const admin::StatusView& status) {
    return status.reason.empty() ? shown(status.state) : fmt::format("{} ({})", shown(status.state), status.reason);
}

std::string leader_sentence(const admin::StatusView& status) {
    if (status.leader.empty()) {
        return "none";
    }
    return status.leader_since.empty() ? status.leader : fmt::format("{} since {}", status.leader, status.leader_since);
}

std::string nodes_table(const admin::StatusView& status) {
    constexpr std::size_t kFirstNumber = 5;
    std::vector<std::vector<std::string>> rows{{"NODE", "ADDRESS", "ROLE", "HEALTH", "LINK", "OFFSET", "LAG BYTES"}};
    for (const auto& node : status.nodes) {
        rows.push_back({printable(shown(node.name)), printable(shown(node.address)), printable(shown(node.role)),
                        printable(shown(node.health)), node.link_up ? (*node.link_up ? "up" : "down") : "-",
                        shown(node.offset), shown(node.lag_bytes)});
    }
    return table(rows, kFirstNumber);
}

std::string portals_table(const admin::StatusView& status) {
    constexpr std::size_t kFirstNumber = 5;
    std::vector<std::vector<std::string>> rows{{"PORTAL", "ACTS", "HEARTBEAT", "REACHES LEADER", "PAGE"}};
    for (const auto& portal : status.portals) {
        rows.push_back({printable(shown(portal.name)), portal.name == status.acting ? "yes" : "-",
                        portal.live ? "fresh" : "stands still", portal.reaches_leader ? "yes" : "no",
                        printable(shown(portal.url))});
    }
    return table(rows, kFirstNumber);
}

/// The newest first.
std::string changes_table(const admin::StatusView& status) {
    constexpr std::size_t kFirstNumber = 5;
    std::vector<std::vector<std::string>> rows{{"CHANGED", "WHAT", "FROM", "TO", "WHY", "MS"}};
    for (auto change = status.changes.rbegin(); change != status.changes.rend(); ++change) {
        rows.push_back({printable(shown(change->date)), admin::kind_of(*change), printable(shown(change->from)),
                        printable(shown(change->to)), printable(shown(change->reason)), shown(change->milliseconds)});
    }
    return table(rows, kFirstNumber);
}

bool has_no_leader(const admin::StatusView& status) {
    return status.leader.empty() || status.state == "no_leader" || status.state == "holding";
}

/// One line, and the exit status that says the same.
int run_check(const admin::StatusView& status) {
    std::string why;
    for (const auto& sentence : status.why) {
        why += (why.empty() ? ": " : "; ") + printable(sentence);
    }
    if (status.why.empty()) {
        why = status.leader.empty() ? ": " + printable(status.reason) : ": " + printable(status.leader) + " leads";
    }
    const bool leaderless = has_no_leader(status);
    fmt::print("{} {}{}\n", printable(shown(status.name)), leaderless ? "no_leader" : printable(status.state), why);
    return leaderless ? Verdict::no_leader : status.state == "ready" ? Verdict::well : Verdict::degraded;
}

int run_status(const Arguments& arguments) {
    const auto reply = ask_admin(arguments.access, AdminMethod::get, "/status.json", {}, kTime);
    boost::json::error_code error;
    const auto value = boost::json::parse(reply.body, error);
    const auto* object = error ? nullptr : value.if_object();
    std::string complaint = reply.error;
    if (complaint.empty() && reply.status != 200) {
        complaint = printable(refusal_of(reply));
    } else if (complaint.empty() && object == nullptr) {
        complaint = "What answers at " + arguments.access.url +
                    " is not the admin port of a portal: give the right address with --admin.";
    }
    if (!complaint.empty()) {
        fmt::print(arguments.check ? stdout : stderr, "{}\n", complaint);
        return arguments.check ? Verdict::unreachable : 1;
    }
    const auto status = admin::read_status(*object);
    if (arguments.check) {
        return run_check(status);
    }
    fmt::print("{}", arguments.json ? reply.body : render_status(status));
    return has_no_leader(status) ? 1 : 0;
}

/// Until a signal ends it. A portal that does not answer is asked again.
void watch_status(const Arguments& arguments) {
    for (;;) {
        if (::isatty(STDOUT_FILENO) != 0) {
            fmt::print("{}", kClearScreen);
        }
        (void)run_status(arguments);
        fmt::print("\n");
        if (std::fflush(stdout) != 0) {
            return;  // nobody reads any more
        }
        std::this_thread::sleep_for(kWatchInterval);
    }
}

}  // namespace

std::string render_status(const admin::StatusView& status) {
    std::string out;
    const auto uptime =
        status.uptime_seconds ? ", up " + admin::spoken_duration(*status.uptime_seconds) : std::string();
    add_line(out, "Portal", fmt::format("{} (redis-portal {}{})", shown(status.name), shown(status.version), uptime));
    add_line(out, "State", state_sentence(status));
    for (const auto& sentence : status.why) {
        if (sentence != status.reason) {
            add_line(out, &sentence == &status.why.front() ? "Why" : "", sentence);
        }
    }
    add_line(out, "Leader", leader_sentence(status));
    add_line(out, "Epoch", shown(status.epoch));
    add_line(out, "Acting portal", shown(status.acting) + (status.acting_here ? " (this one)" : ""));
    add_line(out, "Sessions",
             fmt::format("{} of {}, {} accepted so far", shown(status.sessions), shown(status.sessions_limit),
                         shown(status.sessions_accepted)));
    add_line(out, "Links to Redis",
             fmt::format("{} shared, {} pinned", shown(status.links_shared), shown(status.links_pinned)));
    for (const auto& certificate : status.certificates) {
        add_line(out, "Certificate",
                 fmt::format("{}: ends {}, {} days left", shown(certificate.listener), shown(certificate.not_after),
                             shown(certificate.days_left)));
    }
    if (!status.nodes.empty()) {
        out += "\n" + nodes_table(status);
    }
    if (!status.portals.empty()) {
        out += "\n" + portals_table(status);
    }
    if (!status.changes.empty()) {
        out += "\n" + changes_table(status);
    }
    out += "\n";
    if (status.last_failover.empty()) {
        add_line(out, "Last failover", "none is known");
    } else {
        out += "Last failover\n";
        for (const auto& [key, value] : status.last_failover) {
            out += printable(fmt::format("  {}: {}", key, shown(value))) + "\n";
        }
    }
    return out;
}

void add_status_command(CLI::App& app, int& exit_status) {
    auto* const command =
        app.add_subcommand("status", "Show topology, epoch, acting portal, sessions, links and the last failover");
    const auto arguments = std::make_shared<Arguments>();
    add_admin_option(*command, arguments->access);
    command->add_flag("--json", arguments->json, "Print the status as JSON, as /status.json serves it");
    command->add_flag("-w,--watch", arguments->watch, "Show it again every 2 s, until Ctrl-C");
    command->add_flag("--check", arguments->check,
                      "One line that says whether all is well, and an exit status for monitors: 0 well, 1 degraded, "
                      "2 no leader, 3 the portal does not answer");
    command->callback([arguments, &exit_status] {
        if (arguments->watch) {
            watch_status(*arguments);
            exit_status = 1;
            return;
        }
        exit_status = run_status(*arguments);
    });
}

}  // namespace portal::cli
