#include "cli/portal_file.hpp"

#include "command/command_table.hpp"
#include "config/spelling.hpp"
#include "config/value_rules.hpp"
#include "identity/verifier.hpp"

#include <algorithm>
#include <vector>

namespace portal::cli {
namespace {

std::vector<std::string_view> command_names() {
    std::vector<std::string_view> names;
    for (const auto& row : command::command_table()) {
        if (names.empty() || names.back() != row.name) {
            names.push_back(row.name);
        }
    }
    return names;
}

std::vector<std::string_view> subcommand_names(std::string_view command) {
    std::vector<std::string_view> names;
    for (const auto& row : command::command_table()) {
        if (row.name == command && !row.subcommand.empty()) {
            names.push_back(row.subcommand);
        }
    }
    return names;
}

bool contains(const std::vector<std::string_view>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::string suggestion(std::string_view written, const std::vector<std::string_view>& names, std::string_view before) {
    const auto nearest = config::nearest_word(written, names);
    return nearest ? "; did you mean " + std::string(before) + std::string(*nearest) + "?" : "";
}

}  // namespace

std::optional<std::string> why_unknown_command(std::string_view name) {
    if (name.starts_with(config::kModuleCommand)) {
        return std::nullopt;
    }
    const auto bar = name.find('|');
    const auto command = name.substr(0, bar);
    const auto names = command_names();
    const std::string otherwise =
        " A command of a module is written " + std::string(config::kModuleCommand) + std::string(name) + ".";
    if (!contains(names, command)) {
        return config::in_quotes(name) + " is no command of Redis or Valkey" + suggestion(command, names, "") +
               otherwise;
    }
    if (bar == std::string_view::npos) {
        return std::nullopt;
    }
    const auto subcommand = name.substr(bar + 1);
    const auto known = subcommand_names(command);
    if (known.empty() || contains(known, subcommand)) {
        return std::nullopt;
    }
    return config::in_quotes(name) + " is no subcommand of " + std::string(command) +
           suggestion(subcommand, known, std::string(command) + "|") + otherwise;
}

config::LoadResult load_portal_file(const std::string& path) {
    auto result = config::load_file(path);
    if (!result.config) {
        return result;
    }
    const auto& denied = result.config->commands.deny;
    for (std::size_t i = 0; i < denied.size(); ++i) {
        if (const auto complaint = why_unknown_command(denied[i])) {
            result.findings.complain("commands.deny[" + std::to_string(i) + "]", *complaint);
        }
    }
    if (result.config->identity) {
        if (const auto made = identity::Verifier::make(*result.config->identity); !made.verifier) {
            result.findings.complain(made.path, made.complaint);
        }
    }
    result.problems = result.findings.sorted();
    if (!result.problems.empty()) {
        result.config.reset();
    }
    return result;
}

bool is_emptied_by_reboots(std::string_view path) noexcept {
    return path.starts_with("/run/") || path.starts_with("/var/run/") || path.starts_with("/dev/shm/");
}

}  // namespace portal::cli
