#include "sentinel/node_settings.hpp"

#include <algorithm>
#include <utility>

namespace portal::sentinel {

namespace {

bool is_asserted(const SettingsWanted& wanted, std::string_view name) {
    return std::ranges::any_of(wanted.asserted, [&](const auto& each) { return each.first == name; });
}

}  // namespace

std::vector<std::string> SettingsWanted::names() const {
    std::vector<std::string> names;
    for (const auto& [name, value] : asserted) {
        names.push_back(name);
    }
    if (follow_leader) {
        for (const std::string_view name : kFollowed) {
            if (!is_asserted(*this, name)) {
                names.emplace_back(name);
            }
        }
    }
    return names;
}

std::vector<std::pair<std::string, std::string>> SettingsTold::due(const SettingsWanted& wanted, const Settings& node,
                                                                   const Settings* leader) const {
    std::vector<std::pair<std::string, std::string>> due;
    const auto compare = [&](const std::string& name, const std::string& value) {
        const auto has = node.find(name);
        const bool known = has != node.end();  // to this version
        if (known && told_.due(name, value, has->second)) {
            due.emplace_back(name, value);
        }
    };
    for (const auto& [name, value] : wanted.asserted) {
        compare(name, value);
    }
    if (leader != nullptr && wanted.follow_leader) {
        for (const std::string_view name : kFollowed) {
            const auto of_leader = leader->find(name);
            if (of_leader != leader->end() && !is_asserted(wanted, name)) {
                compare(of_leader->first, of_leader->second);
            }
        }
    }
    return due;
}

std::optional<std::string> SettingsTold::refusal(const SettingsWanted& wanted) const {
    for (const auto& [name, value] : wanted.asserted) {
        if (const std::string why = told_.refusal(name, value); !why.empty()) {
            return name + ": " + why;
        }
    }
    return std::nullopt;
}

}  // namespace portal::sentinel
