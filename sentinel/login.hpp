// How the monitor presents itself to nodes. One Login serves all of a monitor's connections, so that a password that
// changes while it runs counts for each that is made from then on. Never logged. The monitor's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace portal::sentinel {

struct Login {
    std::optional<std::string> username = {};
    std::optional<std::string> password = {};
    std::string connection_name = {};  // CLIENT SETNAME; empty: none
    bool operator==(const Login&) const = default;
};

/// Read for each new connection; whoever owns it may change it between two of them.
using SharedLogin = std::shared_ptr<const Login>;

inline SharedLogin shared_login(Login login) {
    return std::make_shared<const Login>(std::move(login));
}

/// What became of the newest login to one node.
struct LoginState {
    enum class Word : std::uint8_t {
        unknown,  // nobody could be asked yet, or the node does not answer
        accepted,
        refused  // a wrong password, a user that is not there or that lacks a permission
    };
    Word word = Word::unknown;
    std::string answer;  // of a node that refuses
    bool operator==(const LoginState&) const = default;
};

}  // namespace portal::sentinel
