// One run: a portal, hostile nodes and many clients, for a while, from one seed.
#pragma once

#include "judge.hpp"
#include "node_rules.hpp"
#include "scenes.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace portal::adversary {

/// What happens, and what may come of it.
struct Hostility {
    std::string name{};
    Switches switches{};
    Script script{};
    Tolerance tolerance{};
    bool limited_users = false;      // some users lack commands
    double leader_changes = 0;       // a second
    double all_links_closed = 0;     // a second
    double user_changes = 0;         // a second: password changed, or deleted and made again
    double default_changes = 0;      // a second: `default` switched off or on
    bool probes_login = false;       // whether `default` may be used is changed, and asked by new clients
    std::uint32_t deadly_reads = 0;  // how often one of them may be asked for
    bool no_login_lost = false;      // nobody may be closed as if its login were wrong
    bool closed_in_doubt =
        false;  // whom the portal closes it closes because a transaction is in doubt, and nobody else
    std::size_t clients = 120;
    double seconds = 2;
};

struct Outcome {
    std::vector<std::string> wrong{};
    std::uint64_t seed = 0;
    std::uint64_t scenes = 0, answers = 0, node_commands = 0, links_lost = 0, in_doubt = 0, rule_changes = 0;
};

[[nodiscard]] Outcome run(const Hostility& hostility, std::uint64_t seed, double seconds);

/// Without the acts and scenes that ADVERSARY_WITHOUT names ("login,surplus"), so that one fault does not hide others.
[[nodiscard]] Hostility without_excluded(Hostility hostility);

/// As many runs, seed after seed, as fit into what ADVERSARY_SECONDS says, else one; from ADVERSARY_SEED on. Prints
/// seeds and steps. Everything that was found wrong, for a test to show.
[[nodiscard]] std::string run_all(const Hostility& wanted);

}  // namespace portal::adversary
