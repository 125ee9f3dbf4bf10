#include "agent/process_look.hpp"

#include <charconv>
#include <chrono>
#include <ctime>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <unistd.h>

namespace portal::agent {

namespace {

/// Redis and this process look at different moments, and count whole seconds.
constexpr std::uint64_t kAgesApart = 3;

std::string contents(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

struct Stat {
    char state = 0;
    std::uint64_t started = 0;
};

/// Of /proc/PID/stat. The name of the program may hold anything, also spaces and brackets.
std::optional<Stat> stat_of(const std::string& proc, std::uint64_t number) {
    constexpr int kFieldsBeforeStart = 18;  // after the state
    const auto text = contents(proc + "/" + std::to_string(number) + "/stat");
    const auto name_ends = text.rfind(')');
    if (name_ends == std::string::npos) {
        return std::nullopt;
    }
    std::istringstream fields(text.substr(name_ends + 1));
    Stat stat;
    std::string skipped;
    fields >> stat.state;
    for (int i = 0; i < kFieldsBeforeStart; ++i) {
        fields >> skipped;
    }
    fields >> stat.started;
    return fields ? std::optional(stat) : std::nullopt;
}

bool has_line(const std::string& text, std::string_view line) {
    std::istringstream lines(text);
    for (std::string each; std::getline(lines, each);) {
        if (each == line) {
            return true;
        }
    }
    return false;
}

/// Its control group, or one above it, is frozen, as `docker pause` does it. False where that cannot be seen.
bool frozen(const std::string& proc, const std::string& cgroups, std::uint64_t number) {
    std::istringstream groups(contents(proc + "/" + std::to_string(number) + "/cgroup"));
    for (std::string group; std::getline(groups, group);) {
        const auto path = group.substr(group.rfind(':') + 1);
        if (group.starts_with("0::") && has_line(contents(cgroups + path + "/cgroup.events"), "frozen 1")) {
            return true;
        }
        if (group.find(":freezer:") != std::string::npos &&
            contents(cgroups + "/freezer" + path + "/freezer.state").starts_with("FROZEN")) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::optional<ProcessId> find_process(std::uint64_t number, std::uint64_t uptime_seconds, const std::string& proc) {
    const auto stat = stat_of(proc, number);
    const auto ticks = sysconf(_SC_CLK_TCK);
    timespec since_start{};
    if (!stat || ticks <= 0 || clock_gettime(CLOCK_BOOTTIME, &since_start) != 0) {
        return std::nullopt;
    }
    const auto now = static_cast<std::uint64_t>(since_start.tv_sec);
    const auto started = stat->started / static_cast<std::uint64_t>(ticks);
    const auto age = now > started ? now - started : 0;
    const auto apart = age > uptime_seconds ? age - uptime_seconds : uptime_seconds - age;
    return apart <= kAgesApart ? std::optional(ProcessId{number, stat->started}) : std::nullopt;
}

std::string look_at(const ProcessId& process, const std::string& proc, const std::string& cgroups) {
    const auto stat = stat_of(proc, process.number);
    if (!stat || stat->started != process.started) {
        return "ended";
    }
    switch (stat->state) {
        case 'Z':
        case 'X':
            return "ended";
        case 'T':
        case 't':
            return "stopped";
        default:
            break;
    }
    if (has_line(contents(proc + "/" + std::to_string(process.number) + "/status"), "CoreDumping:\t1")) {
        return "ended";
    }
    if (frozen(proc, cgroups, process.number)) {
        return "stopped";
    }
    return stat->state == 'R' || stat->state == 'D' ? "working" : "idle";
}

}  // namespace portal::agent
