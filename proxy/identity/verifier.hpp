// Who a token is, and as which user of Redis it logs in: issuers with their keys, and the rules. Made anew at each
// reload; immutable, and shared by threads.
#pragma once

#include "config/identity_config.hpp"
#include "config/identity_rules.hpp"
#include "identity/claims.hpp"
#include "identity/key_set.hpp"
#include "identity/refusal.hpp"
#include "identity/token.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace portal::identity {

/// A token that was found good: what is kept of it to judge it again under other keys and rules.
struct Identity {
    std::string issuer;     // its name in the configuration
    std::string key;        // thumbprint of the key that has signed it
    std::string payload;    // its claims
    Time ends{};            // its own end
    Time accepted_until{};  // with the leeway
    Time good_until{};      // with the grace; a session goes no further
};
using IdentityPtr = std::shared_ptr<const Identity>;

struct Verdict {
    enum class Kind : std::uint8_t {
        accepted,
        refused,
        not_ours,  // no token, or one of an issuer that is not configured: it may be a password, which Redis judges
    };
    Kind kind = Kind::not_ours;
    Refusal refusal = Refusal::none;
    std::string issuer;  // its name in the configuration; empty: none was found
    IdentityPtr identity;
    std::size_t rule = 0;  // that matched, counted from 0
    std::string user;
    std::string password;  // the portal's own for that user
};

class Verifier {
  public:
    struct Made;
    /// `complaint` names the key of the configuration that it is about.
    [[nodiscard]] static Made make(const config::Identity& settings);

    [[nodiscard]] Verdict judge(std::string_view secret, Time now) const;
    /// One that was found good before, perhaps by another verifier. Its end is not looked at.
    [[nodiscard]] Verdict judge_again(const IdentityPtr& identity) const;

    /// The portal's own for that user; nothing: tokens do not log in as that one.
    [[nodiscard]] std::optional<std::string_view> password_of(std::string_view user) const noexcept;

    [[nodiscard]] const config::Identity& settings() const noexcept { return settings_; }
    [[nodiscard]] const KeySet& keys(std::size_t issuer) const noexcept { return keys_[issuer]; }

  private:
    explicit Verifier(config::Identity settings);
    [[nodiscard]] std::optional<std::size_t> issuer_called(std::string_view url) const noexcept;
    void apply_rules(const boost::json::object& claims, Verdict& verdict) const;
    [[nodiscard]] bool rule_fits(const config::IdentityRule& rule, const boost::json::object& claims,
                                 std::string_view issuer) const;
    [[nodiscard]] Refusal make_user(const config::IdentityRule& rule, const boost::json::object& claims,
                                    std::string& user) const;

    config::Identity settings_;
    std::vector<KeySet> keys_;                          // by issuer
    std::vector<std::vector<config::UserPart>> users_;  // by rule
    std::set<std::string, std::less<>> reserved_;       // users that a rule names as they are
};
using VerifierPtr = std::shared_ptr<const Verifier>;

struct Verifier::Made {
    VerifierPtr verifier;
    std::string path;  // as identity.issuers[0].jwks
    std::string complaint;
};

}  // namespace portal::identity
