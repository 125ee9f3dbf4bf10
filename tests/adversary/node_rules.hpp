// How hostile the nodes are, as named switches with a chance each, and the users that they know. Changed while the
// nodes run, under their lock.
#pragma once

#include "chance.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace portal::adversary {

/// What a node may do by chance. `count` is none of them.
enum class Act : std::uint8_t {
    refuse,        // any command: NOPERM, NOAUTH, BUSY, LOADING, READONLY, MISCONF, OOM
    refuse_end,    // the same, of commands that end a state
    refuse_setup,  // AUTH, HELLO and SELECT, for a reason that says nothing of the login
    exec_stays,    // an EXEC that is refused leaves the transaction open
    max_clients,   // a new connection is told that there are too many, and closed
    surplus,       // a script or an unknown command gets one reply more than it should
    missing,       // the same, no reply at all
    push,          // a push that nobody asked for, on a connection of RESP3
    push_resp2,    // the same on one of RESP2
    push_setup,    // the same while AUTH, HELLO and SELECT are answered
    stall,         // nothing is served on a connection for a while
    close,         // a connection is closed, at any byte of a reply
    split,         // replies come in pieces, cut anywhere
    count
};

[[nodiscard]] std::string_view name_of(Act act);

class Switches {
  public:
    Switches& with(Act act, double share) {
        shares_[static_cast<std::size_t>(act)] = share;
        return *this;
    }
    [[nodiscard]] double share(Act act) const { return shares_[static_cast<std::size_t>(act)]; }
    /// "refuse 0.02, close 0.001"
    [[nodiscard]] std::string text() const;

  private:
    std::array<double, static_cast<std::size_t>(Act::count)> shares_{};
};

struct User {
    std::string name{};
    std::string password{};
    bool enabled = true;
    bool exists = true;
    std::set<std::string> lacks{};  // commands, lower case, or "command|subcommand"
};

/// Users by number; 0 is `default`, which needs no password while it is open.
class Users {
  public:
    /// `count` named users; the first ones may do everything, each later one lacks some commands.
    Users(std::size_t count, Chance& chance, bool all_may_do_everything);

    [[nodiscard]] User& at(std::size_t index) { return all_[index]; }
    [[nodiscard]] const User& at(std::size_t index) const { return all_[index]; }
    [[nodiscard]] std::size_t size() const { return all_.size(); }
    [[nodiscard]] std::optional<std::uint32_t> find(std::string_view name) const;
    /// Whether that login is accepted now.
    [[nodiscard]] std::optional<std::uint32_t> log_in(std::string_view name, std::string_view password) const;
    [[nodiscard]] bool default_open() const { return all_.front().enabled; }

  private:
    std::vector<User> all_;
};

/// The text of a refusal by chance, without the '-', of a command that `user` sends: its first word comes from a list.
[[nodiscard]] std::string random_refusal(Chance& chance, bool writes);
/// Words that a refusal may begin with.
[[nodiscard]] const std::vector<std::string>& refusal_words();

/// Commands that end a state, lower case.
[[nodiscard]] bool ends_state(std::string_view name, std::string_view subcommand, std::string_view argument);

}  // namespace portal::adversary
