#include "identity/verifier.hpp"

#include "identity/json.hpp"

#include <algorithm>
#include <utility>

namespace portal::identity {
namespace json = boost::json;

namespace {

constexpr std::size_t kLongestPart = 64;
constexpr std::size_t kLongestUser = 128;

Refusal refusal_of(KeySet::Miss miss) noexcept {
    switch (miss) {
        case KeySet::Miss::other_algorithm:
            return Refusal::other_algorithm;
        case KeySet::Miss::ambiguous:
            return Refusal::ambiguous_key;
        case KeySet::Miss::unknown:
        case KeySet::Miss::none:
            break;
    }
    return Refusal::unknown_key;
}

bool may_stand_in_user(std::string_view text) {
    return !text.empty() && text.size() <= kLongestPart && std::ranges::all_of(text, &config::is_user_character);
}

}  // namespace

Verifier::Verifier(config::Identity settings) : settings_(std::move(settings)) {}

Verifier::Made Verifier::make(const config::Identity& settings) {
    std::shared_ptr<Verifier> made(new Verifier(settings));
    for (std::size_t i = 0; i < settings.issuers.size(); ++i) {
        auto read = KeySet::read(settings.issuers[i].keys);
        if (!read.keys) {
            return {nullptr, "identity.issuers[" + std::to_string(i) + "].jwks", std::move(read.complaint)};
        }
        made->keys_.push_back(std::move(*read.keys));
    }
    for (std::size_t i = 0; i < settings.rules.size(); ++i) {
        auto parts = config::user_parts(settings.rules[i].user);
        if (!parts.value) {
            return {nullptr, "identity.rules[" + std::to_string(i) + "].user", std::move(parts.complaint)};
        }
        if (parts.value->size() == 1 && !parts.value->front().is_claim) {
            made->reserved_.insert(parts.value->front().text);
        }
        made->users_.push_back(std::move(*parts.value));
    }
    made->reserved_.insert("default");
    return {std::move(made), {}, {}};
}

std::optional<std::size_t> Verifier::issuer_called(std::string_view url) const noexcept {
    for (std::size_t i = 0; i < settings_.issuers.size(); ++i) {
        if (settings_.issuers[i].issuer == url) {
            return i;
        }
    }
    return std::nullopt;
}

Verdict Verifier::judge(std::string_view secret, Time now) const {
    Verdict verdict;
    if (!looks_like_token(secret)) {
        return verdict;
    }
    const TokenRead read = read_token(secret);
    const auto issuer = issuer_called(read.issuer);
    if (issuer) {
        verdict.issuer = settings_.issuers[*issuer].name;
    } else if (!read.issuer.empty()) {
        verdict.refusal = Refusal::issuer;
        return verdict;
    }
    verdict.kind = Verdict::Kind::refused;
    const auto refuse = [&](Refusal why) {
        verdict.refusal = why;
        return std::move(verdict);
    };
    if (!read.token) {
        return refuse(read.refusal);
    }
    if (!issuer) {
        return refuse(Refusal::issuer);
    }
    const Token& token = *read.token;
    const KeySet::Found found = keys_[*issuer].find(token.key_id, token.algorithm);
    if (found.key == nullptr) {
        return refuse(refusal_of(found.miss));
    }
    if (!found.key->verify(token.signed_part, token.signature)) {
        return refuse(Refusal::signature);
    }
    const config::IdentityIssuer& wanted = settings_.issuers[*issuer];
    if (!is_for_audience(token.claims, wanted.audience)) {
        return refuse(Refusal::audience);
    }
    const Times times = check_times(token.claims, now, wanted.leeway);
    if (times.refusal != Refusal::none) {
        return refuse(times.refusal);
    }
    verdict.identity = std::make_shared<const Identity>(
        Identity{wanted.name, found.key->thumbprint(), token.payload, times.ends, times.ends + wanted.leeway,
                 times.ends + std::max(wanted.leeway, settings_.grace)});
    apply_rules(token.claims, verdict);
    return verdict;
}

Verdict Verifier::judge_again(const IdentityPtr& identity) const {
    Verdict verdict;
    verdict.kind = Verdict::Kind::refused;
    verdict.issuer = identity->issuer;
    verdict.identity = identity;
    const auto refuse = [&](Refusal why) {
        verdict.refusal = why;
        return std::move(verdict);
    };
    const auto claims = read_object(identity->payload);
    const json::string* url = claims ? text_of(*claims, "iss") : nullptr;
    const auto issuer = url != nullptr ? issuer_called(view_of(*url)) : std::nullopt;
    if (!issuer || settings_.issuers[*issuer].name != identity->issuer) {
        return refuse(Refusal::issuer);
    }
    if (!keys_[*issuer].holds(identity->key)) {
        return refuse(Refusal::unknown_key);
    }
    if (!is_for_audience(*claims, settings_.issuers[*issuer].audience)) {
        return refuse(Refusal::audience);
    }
    apply_rules(*claims, verdict);
    return verdict;
}

void Verifier::apply_rules(const json::object& claims, Verdict& verdict) const {
    const auto rule = std::ranges::find_if(
        settings_.rules, [&](const config::IdentityRule& each) { return rule_fits(each, claims, verdict.issuer); });
    if (rule == settings_.rules.end()) {
        verdict.refusal = Refusal::no_rule;
        return;
    }
    verdict.rule = static_cast<std::size_t>(rule - settings_.rules.begin());
    verdict.refusal = make_user(*rule, claims, verdict.user);
    if (verdict.refusal != Refusal::none) {
        return;
    }
    const auto password = password_of(verdict.user);
    if (!password) {
        verdict.refusal = Refusal::unknown_user;
        return;
    }
    verdict.password = *password;
    verdict.kind = Verdict::Kind::accepted;
}

std::optional<std::string_view> Verifier::password_of(std::string_view user) const noexcept {
    const auto found = std::ranges::find(settings_.users, user, &config::IdentityUser::name);
    return found == settings_.users.end() ? std::nullopt : std::optional<std::string_view>(found->password);
}

bool Verifier::rule_fits(const config::IdentityRule& rule, const json::object& claims, std::string_view issuer) const {
    if (rule.issuer && *rule.issuer != issuer) {
        return false;
    }
    return std::ranges::all_of(rule.when, [&](const config::ClaimCondition& condition) {
        const json::value* claim = find_claim(claims, condition.claim);
        return claim != nullptr && std::ranges::any_of(condition.values, [&](const std::string& wanted) {
                   return claim_fits(*claim, wanted);
               });
    });
}

/// A claim can neither make a name that is meant for somebody else, nor take part in making one: what stands between
/// two claims occurs in none (config::user_parts).
Refusal Verifier::make_user(const config::IdentityRule& rule, const json::object& claims, std::string& user) const {
    const auto& parts = users_[static_cast<std::size_t>(&rule - settings_.rules.data())];
    bool has_claim = false;
    for (const config::UserPart& part : parts) {
        if (!part.is_claim) {
            user += part.text;
            continue;
        }
        has_claim = true;
        const json::value* claim = find_claim(claims, part.text);
        const json::string* text = claim != nullptr ? claim->if_string() : nullptr;
        if (text == nullptr) {
            return Refusal::template_claim;
        }
        if (!may_stand_in_user(view_of(*text))) {
            return Refusal::template_text;
        }
        user += view_of(*text);
    }
    if (user.size() > kLongestUser) {
        return Refusal::template_text;
    }
    return has_claim && reserved_.contains(user) ? Refusal::reserved_user : Refusal::none;
}

}  // namespace portal::identity
