// Logins by token: who issues the tokens, and as which user of Redis each logs in. A part of Config. Bounds and help
// texts stand in identity_keys.hpp.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace portal::config {

struct IdentityIssuer {
    std::string name;
    std::string issuer;    // as the claim `iss` has it
    std::string audience;  // that the claim `aud` must name
    std::string jwks{};
    std::string keys{};  // filled from the file `jwks`
    std::chrono::milliseconds leeway{std::chrono::seconds{30}};
};

/// A claim must have one of the values.
struct ClaimCondition {
    std::string claim;  // a path, see identity_rules.hpp
    std::vector<std::string> values;
};

/// All conditions must hold.
struct IdentityRule {
    std::optional<std::string> issuer = std::nullopt;  // empty: of any, where there is one only
    std::vector<ClaimCondition> when;
    std::string user;
};

/// A user of Redis as whom tokens may log in, and a password by which the portal does that.
struct IdentityUser {
    std::string name;
    std::string password_file{};
    std::string password{};  // filled from the file
};

struct Identity {
    std::vector<IdentityIssuer> issuers;
    std::vector<IdentityUser> users;
    std::vector<IdentityRule> rules;
    std::chrono::milliseconds grace{std::chrono::seconds{30}};
};

}  // namespace portal::config
