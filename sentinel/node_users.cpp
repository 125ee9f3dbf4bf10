#include "sentinel/node_users.hpp"

#include "certs/pem_files.hpp"

#include <algorithm>
#include <array>

namespace portal::sentinel {

namespace {

constexpr std::string_view kDefault = "default";

std::string_view take_word(std::string_view& text) {
    const auto begin = std::min(text.find_first_not_of(' '), text.size());
    text.remove_prefix(begin);
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    return word;
}

/// A selector ends with its rules about commands; a `)` elsewhere belongs to a pattern.
bool ends_selector(std::string_view word) {
    return word.ends_with(')') && (word.starts_with('+') || word.starts_with('-'));
}

std::string hashed(std::string_view text) {
    return certs::to_hex(certs::sha256(text));
}

/// As ACL LIST writes it; empty: it goes without saying.
std::string spelled(std::string word) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kOthers{{{"allkeys", "~*"},
                                                                                           {"allchannels", "&*"},
                                                                                           {"allcommands", "+@all"},
                                                                                           {"nocommands", "-@all"},
                                                                                           {"sanitize-payload", ""}}};
    if (word.starts_with('>')) {
        return "#" + hashed(std::string_view(word).substr(1));
    }
    const auto other = std::ranges::find(kOthers, word, [](const auto& each) { return each.first; });
    return other == kOthers.end() ? word : std::string(other->second);
}

bool is_word(std::string_view text, std::string_view lower) {
    return std::ranges::equal(
        text, lower, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; });
}

std::string deleting(const std::string& name) {
    return "delete " + name;  // no name has a blank
}

}  // namespace

Users users_in(const std::vector<std::string>& list) {
    Users users;
    for (const std::string& each : list) {
        std::string_view line = each;
        if (take_word(line) != "user") {
            continue;
        }
        const auto name = take_word(line);
        if (!name.empty()) {
            users[std::string(name)] = line.empty() ? std::string() : std::string(line.substr(1));
        }
    }
    return users;
}

bool unambiguous(std::string_view rules) {
    if (std::ranges::any_of(rules, [](char c) { return c == '\n' || c == '\r' || c == '\0'; })) {
        return false;
    }
    const auto commands_only_behind_the_first = [](std::vector<std::string> words) {
        bool commands = false;
        for (const std::string& word : words) {
            const bool is_command = word.starts_with('+') || word.starts_with('-');
            if ((commands && !is_command && !word.starts_with('(')) || (is_command && word.ends_with(')'))) {
                return false;
            }
            commands = commands || is_command;
        }
        return true;
    };
    const auto words = words_of(rules);
    return commands_only_behind_the_first(words) && std::ranges::all_of(words, [&](const std::string& word) {
               const bool selector = word.starts_with('(') && word.ends_with(')');
               return !selector ||
                      commands_only_behind_the_first(words_of(std::string_view(word).substr(1, word.size() - 2)));
           });
}

std::vector<std::string> words_of(std::string_view rules) {
    std::vector<std::string> words;
    bool inside = false;
    for (auto word = take_word(rules); !word.empty(); word = take_word(rules)) {
        if (inside) {
            words.back() += " " + std::string(word);
        } else {
            words.emplace_back(word);
        }
        const bool begins = !inside && word.starts_with('(');
        const bool alone = begins && (word.size() == 2 || ends_selector(word.substr(1)));
        inside = (inside || begins) && !alone && !(inside && ends_selector(word));
    }
    return words;
}

std::string canonical(std::string_view rules) {
    std::string text;
    for (auto& word : words_of(rules)) {
        const std::string as_shown = spelled(std::move(word));
        text += (text.empty() || as_shown.empty() ? "" : " ") + as_shown;
    }
    return text;
}

std::vector<std::string> set_user(const std::string& name, std::string_view rules) {
    std::vector<std::string> command{"ACL", "SETUSER", name, "reset"};
    for (auto& word : words_of(rules)) {
        command.push_back(std::move(word));
    }
    return command;
}

std::string harmless(std::string_view error) {
    const auto begin = error.find('\'');
    const auto end = error.rfind('\'');
    if (error.starts_with("NOPERM") || begin == std::string_view::npos) {
        return std::string(error);
    }
    const auto quoted = error.substr(begin + 1, begin == end ? std::string_view::npos : end - begin - 1);
    // A rule about a command is no secret, and is what a server of another version may not know.
    const bool is_plain = quoted.starts_with('+') || quoted.starts_with('-');
    return is_plain || begin == end
               ? std::string(is_plain ? error : error.substr(0, begin))
               : std::string(error.substr(0, begin)) + "'...'" + std::string(error.substr(end + 1));
}

std::string shown_name(std::string_view name) {
    constexpr std::size_t kShown = 40;
    std::string text(name.substr(0, kShown));
    std::ranges::replace_if(
        text, [](char c) { return c <= ' ' || c > '~' || c == '\'' || c == '"' || c == '\\'; }, '?');
    return text + (name.size() > kShown ? "..." : "");
}

std::optional<std::vector<std::string>> repeatable(std::vector<std::string> command, std::string_view login) {
    if (command.size() < 3) {
        return std::nullopt;
    }
    if (is_word(command[1], "setuser")) {
        return command[2] == login ? std::nullopt : std::optional(std::move(command));
    }
    if (!is_word(command[1], "deluser")) {
        return std::nullopt;
    }
    command.erase(std::remove(command.begin() + 2, command.end(), login), command.end());
    return command.size() < 3 ? std::nullopt : std::optional(std::move(command));
}

std::vector<std::pair<std::string, std::string>> UsersTold::to_set(const Users& wanted, const Users& node,
                                                                   const UsersSpared& spared) const {
    std::vector<std::pair<std::string, std::string>> due;
    for (const auto& [name, rules] : wanted) {
        const auto has = node.find(name);
        const std::string shown = has == node.end() ? std::string() : hashed(canonical(has->second));
        if (name != spared.login && told_.due(name, hashed(canonical(rules)), shown)) {
            due.emplace_back(name, rules);
        }
    }
    return due;
}

std::vector<std::string> UsersTold::to_delete(const Users& wanted, const Users& node, const UsersSpared& spared) const {
    std::vector<std::string> due;
    for (const auto& [name, rules] : node) {
        const bool stays =
            name == spared.login || name == kDefault || wanted.contains(name) || spared.needed.contains(name);
        if (!stays && told_.refusal(deleting(name), "").empty()) {
            due.push_back(name);
        }
    }
    return due;
}

void UsersTold::set(const std::string& name, std::string_view rules, std::string_view shown) {
    told_.accepted(name, hashed(canonical(rules)), shown.empty() ? std::string() : hashed(canonical(shown)));
}

void UsersTold::refused(const std::string& name, std::string_view rules, std::string why) {
    told_.refused(name, hashed(canonical(rules)), std::move(why));
}

void UsersTold::refused_to_delete(const std::string& name, std::string why) {
    told_.refused(deleting(name), "", std::move(why));
}

std::map<std::string, std::string> UsersTold::refusals(const Users& wanted) const {
    std::map<std::string, std::string> found;
    for (const auto& [name, rules] : wanted) {
        if (auto why = told_.refusal(name, hashed(canonical(rules))); !why.empty()) {
            found.emplace(name, std::move(why));
        }
    }
    return found;
}

Users UsersMemory::target(const Leader& leader, const Users& has) const {
    Users target = has;
    const bool both_known = !leader_.run_id.empty() && !leader.run_id.empty();
    if (both_known && leader_.node == leader.node && leader_.run_id != leader.run_id && !leader.has_file) {
        for (const auto& [name, rules] : users_) {
            if (!absent_.contains(name)) {
                target.emplace(name, rules);  // those that it has stay as it has them
            }
        }
    }
    return target;
}

void UsersMemory::note_leader(Leader leader, Users users, const Names& refused) {
    std::erase_if(unclear_, [&](const auto& each) { return users.contains(each.first); });
    for (const auto& name : refused) {
        unclear_.emplace(name, "a replica");
        users.erase(name);
    }
    seen_.insert(leader.node);
    leader_ = std::move(leader);
    users_ = std::move(users);
    absent_.clear();
}

void UsersMemory::note_present(const std::string& node, const std::string& run_id, const Users& has,
                               const Names& refused) {
    const auto before = compared_.find(node);
    if (run_id.empty() || before == compared_.end() || before->second != run_id) {
        return;
    }
    for (const auto& [name, rules] : users_) {
        if (!has.contains(name) && !refused.contains(name)) {
            absent_.insert(name);
        }
    }
}

void UsersMemory::note_replica(const std::string& node, const Users& has, const std::string& run_id) {
    compared_[node] = run_id;
    std::erase_if(unclear_, [&](const auto& each) { return each.second == node && !has.contains(each.first); });
    if (!seen_.insert(node).second) {
        return;
    }
    for (const auto& [name, rules] : has) {
        if (!users_.contains(name)) {
            unclear_.emplace(name, node);
        }
    }
}

}  // namespace portal::sentinel
