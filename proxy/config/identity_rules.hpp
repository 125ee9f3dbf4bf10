// How conditions on claims and the users that rules give are written. Pure; knows no YAML and no token.
#pragma once

#include "config/value_rules.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace portal::config {

/// The path of a claim: names of fields with '/' between them; a '/' within a name is written `~1`, a '~' `~0`.
struct ClaimRule {
    using Value = std::string;
    Parsed<std::string> parse(const std::string& text) const;
    std::string print(const std::string& value) const { return value; }
    std::string kind() const { return "claim, as `sub` or `kubernetes.io/namespace`"; }
};

/// What a claim must be; a '*' at its end stands for anything.
struct ClaimValueRule {
    using Value = std::string;
    Parsed<std::string> parse(const std::string& text) const;
    std::string print(const std::string& value) const { return value; }
    std::string kind() const { return "text, with `*` at its end for anything"; }
};

/// A part of a rule's user: text as it is, or the claim that stands there.
struct UserPart {
    std::string text;
    bool is_claim = false;
};

/// What a claim may bring into a user's name.
[[nodiscard]] bool is_user_character(char c) noexcept;
/// `app-{kubernetes.io/namespace}:{sub}` is four parts. Between two claims there must be a character that no claim can
/// bring, so that no two identities give the same user.
[[nodiscard]] Parsed<std::vector<UserPart>> user_parts(std::string_view text);

/// The name of a user of Redis, without claims.
struct UserNameRule {
    using Value = std::string;
    Parsed<std::string> parse(const std::string& text) const;
    std::string print(const std::string& value) const { return value; }
    std::string kind() const { return "user"; }
};

/// The user that a rule gives.
struct UserTemplateRule {
    using Value = std::string;
    Parsed<std::string> parse(const std::string& text) const;
    std::string print(const std::string& value) const { return value; }
    std::string kind() const { return "user, with `{claim}` for the text of a claim"; }
};

}  // namespace portal::config
