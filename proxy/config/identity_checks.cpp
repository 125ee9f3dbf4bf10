#include "config/identity_checks.hpp"

#include "config/identity_rules.hpp"
#include "config/secret_files.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace portal::config {

namespace {

/// What stands in metrics must be few.
constexpr std::size_t kMostIssuers = 16;
constexpr std::size_t kMost = 1000;

std::string at(std::string_view list, std::size_t index, std::string_view key) {
    return "identity." + std::string(list) + "[" + std::to_string(index) + "]." + std::string(key);
}

template <typename Entry>
void check_unique(const std::vector<Entry>& entries, std::string Entry::*field, std::string_view list,
                  std::string_view key, Findings& findings) {
    std::set<std::string, std::less<>> seen;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const std::string& value = entries[i].*field;
        if (!value.empty() && !seen.insert(value).second) {
            findings.complain(at(list, i, key), in_quotes(value) + " is given twice; each entry has its own");
        }
    }
}

void check_size(std::size_t size, std::size_t most, const std::string& path, Findings& findings) {
    if (size > most) {
        findings.complain(path,
                          "has " + std::to_string(size) + " entries; at most " + std::to_string(most) + " can be");
    }
}

void check_rule(const Identity& identity, std::size_t index, Findings& findings) {
    const IdentityRule& rule = identity.rules[index];
    const auto known = [&](const std::string& name) {
        return std::ranges::any_of(identity.issuers, [&](const auto& each) { return each.name == name; });
    };
    if (rule.issuer && !known(*rule.issuer)) {
        findings.complain(
            at("rules", index, "issuer"),
            in_quotes(*rule.issuer) + " is no name of an issuer; use one of those under identity.issuers");
    }
    if (!rule.issuer && identity.issuers.size() > 1 && !findings.failed(at("rules", index, "issuer"))) {
        findings.complain(at("rules", index, "issuer"),
                          "is missing: with several issuers each rule says whose tokens it is for, since one issuer "
                          "could otherwise name another's users");
    }
    const auto parts = user_parts(rule.user);
    const bool plain = parts.value && parts.value->size() == 1 && !parts.value->front().is_claim;
    const bool listed = std::ranges::any_of(identity.users, [&](const auto& each) { return each.name == rule.user; });
    if (plain && !listed && !findings.failed(at("rules", index, "user"))) {
        findings.complain(at("rules", index, "user"), in_quotes(rule.user) +
                                                          " is not under identity.users; add it there with a password "
                                                          "by which the portal logs in as that user");
    }
}

}  // namespace

void check_identity(const Identity& identity, Findings& findings) {
    check_size(identity.issuers.size(), kMostIssuers, "identity.issuers", findings);
    check_size(identity.users.size(), kMost, "identity.users", findings);
    check_size(identity.rules.size(), kMost, "identity.rules", findings);
    check_unique(identity.issuers, &IdentityIssuer::name, "issuers", "name", findings);
    check_unique(identity.issuers, &IdentityIssuer::issuer, "issuers", "issuer", findings);
    check_unique(identity.users, &IdentityUser::name, "users", "name", findings);
    for (std::size_t i = 0; i < identity.rules.size(); ++i) {
        check_rule(identity, i, findings);
    }
}

void read_identity_files(Identity& identity, Findings& findings) {
    for (std::size_t i = 0; i < identity.issuers.size(); ++i) {
        const std::string path = at("issuers", i, "jwks");
        IdentityIssuer& issuer = identity.issuers[i];
        if (issuer.jwks.empty() || findings.failed(path)) {
            continue;
        }
        auto read = read_secret_bytes(issuer.jwks);
        if (!read.value) {
            findings.complain(path, read.complaint);
            continue;
        }
        issuer.keys = std::move(*read.value);
    }
    for (std::size_t i = 0; i < identity.users.size(); ++i) {
        const std::string path = at("users", i, "password_file");
        IdentityUser& user = identity.users[i];
        if (user.password_file.empty() || findings.failed(path)) {
            continue;
        }
        auto read = read_password(user.password_file);
        if (read.value && read.value->size() < kShortestToken) {
            read = Parsed<std::string>::wrong("holds fewer than " + std::to_string(kShortestToken) +
                                              " characters; make one with: openssl rand -hex 32");
        }
        if (!read.value) {
            findings.complain(path, read.complaint);
            continue;
        }
        user.password = std::move(*read.value);
    }
}

}  // namespace portal::config
