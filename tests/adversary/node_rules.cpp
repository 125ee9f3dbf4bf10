#include "node_rules.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace portal::adversary {

namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Act::count)> kNames{
    "refuse", "refuse_end", "refuse_setup", "exec_stays", "max_clients", "surplus", "missing",
    "push",   "push_resp2", "push_setup",   "stall",      "close",       "split"};

/// Commands that a user may lack. ECHO is what a portal may want for itself.
const std::vector<std::string> kLacked{"discard", "unwatch", "exec",   "echo", "select", "ping",  "multi",
                                       "watch",   "hello",   "client", "eval", "script", "blpop", "subscribe"};

}  // namespace

std::string_view name_of(Act act) {
    return kNames[static_cast<std::size_t>(act)];
}

std::string Switches::text() const {
    std::string out;
    for (std::size_t i = 0; i < shares_.size(); ++i) {
        if (shares_[i] > 0) {
            out += fmt::format("{}{} {}", out.empty() ? "" : ", ", kNames[i], shares_[i]);
        }
    }
    return out.empty() ? "honest" : out;
}

Users::Users(std::size_t count, Chance& chance, bool all_may_do_everything) {
    all_.push_back({.name = "default"});
    for (std::size_t i = 1; i <= count; ++i) {
        User user{.name = fmt::format("user{}", i), .password = fmt::format("pass-{}-{}", i, chance.below(1000))};
        if (!all_may_do_everything && i > 2) {
            // The third lacks exactly what ends a transaction: the shortest way to leave a link in one.
            user.lacks.insert(i == 3 ? "discard" : i == 4 ? "echo" : chance.one_of(kLacked));
            for (std::size_t more = chance.below(3); i > 4 && more > 0; --more) {
                user.lacks.insert(chance.one_of(kLacked));
            }
        }
        all_.push_back(std::move(user));
    }
}

std::optional<std::uint32_t> Users::find(std::string_view name) const {
    for (std::size_t i = 0; i < all_.size(); ++i) {
        if (all_[i].name == name && all_[i].exists) {
            return static_cast<std::uint32_t>(i);
        }
    }
    return std::nullopt;
}

std::optional<std::uint32_t> Users::log_in(std::string_view name, std::string_view password) const {
    const auto found = find(name);
    if (!found || !all_[*found].enabled || (*found != 0 && all_[*found].password != password)) {
        return std::nullopt;
    }
    return found;
}

const std::vector<std::string>& refusal_words() {
    static const std::vector<std::string> kWords{"NOPERM", "NOAUTH", "BUSY", "LOADING", "READONLY", "MISCONF", "OOM"};
    return kWords;
}

std::string random_refusal(Chance& chance, bool writes) {
    switch (chance.below(writes ? 7 : 4)) {
        case 0:
            return "NOPERM this user has no permissions to run this command";
        case 1:
            return "NOAUTH Authentication required.";
        case 2:
            return "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
        case 3:
            return "LOADING Redis is loading the dataset in memory";
        case 4:
            return "READONLY You can't write against a read only replica.";
        case 5:
            return "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.";
        default:
            return "OOM command not allowed when used memory > 'maxmemory'.";
    }
}

bool ends_state(std::string_view name, std::string_view subcommand, std::string_view argument) {
    return name == "discard" || name == "unwatch" || name == "exec" || name == "unsubscribe" ||
           name == "punsubscribe" || name == "select" ||
           (name == "client" && subcommand == "tracking" && argument == "off") ||
           (name == "client" && subcommand == "reply" && argument == "on") ||
           (name == "script" && subcommand == "debug" && argument == "no");
}

}  // namespace portal::adversary
