#include "cli/subcommand_names.hpp"

#include "config/spelling.hpp"

#include <cstdio>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

namespace portal::cli {

bool tell_subcommand_names(const CLI::App& app) {
    const CLI::App* at = &app;
    std::string line = app.get_name();
    while (!at->get_subcommands().empty()) {
        at = at->get_subcommands().front();
        line += " " + at->get_name();
    }
    std::string names;
    std::vector<std::string> all;
    for (const CLI::App* known : at->get_subcommands([](const CLI::App*) { return true; })) {
        names += (names.empty() ? "" : ", ") + known->get_name();
        all.push_back(known->get_name());
    }
    if (names.empty()) {
        return false;
    }
    const auto words = at->remaining();
    if (words.empty()) {
        fmt::print(stderr, "{}: a subcommand is missing; give one of {}.\n", line, names);
    } else {
        const auto nearest = config::nearest_word(words.front(), {all.begin(), all.end()});
        fmt::print(stderr, "{}: '{}' is not known{}; give one of {}.\n", line, words.front(),
                   nearest ? fmt::format("; did you mean {}?", *nearest) : "", names);
    }
    return true;
}

}  // namespace portal::cli
