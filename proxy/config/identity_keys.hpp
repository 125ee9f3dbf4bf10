// The table of the keys of section `identity`, a part of config_keys.hpp.
#pragma once

#include "config/identity_config.hpp"
#include "config/identity_rules.hpp"
#include "config/key.hpp"
#include "config/value_rules.hpp"

namespace portal::config {

template <class Visitor>
void visit_keys(Visitor& visit, IdentityIssuer& issuer) {
    using namespace std::chrono_literals;
    visit.value({"name", "How rules, logs and metrics call it.", Need::required}, issuer.name, NameRule{});
    visit.value({"issuer", "The claim `iss` of its tokens, to the letter.", Need::required}, issuer.issuer, TextRule{});
    visit.value(
        {"audience",
         "What the claim `aud` must name: something that stands for this service alone, since a service that gets a "
         "token can use it wherever its audience is accepted.",
         Need::required},
        issuer.audience, TextRule{});
    visit.value({"jwks",
                 "File with the issuer's public keys (JWKS). Read again when it changes; sessions whose key is gone "
                 "then end.",
                 Need::required},
                issuer.jwks, FileRule{});
    visit.value({"leeway", "By how much the clocks of issuer and portal may differ."}, issuer.leeway,
                DurationRule{1ms, 10min, "not at all"});
}

template <class Visitor>
void visit_keys(Visitor& visit, IdentityUser& user) {
    visit.value({"name", "The user, as in Redis's ACL.", Need::required}, user.name, UserNameRule{});
    visit.value({"password_file",
                 "File whose first line is a password of that user, known to the portal and Redis alone: long and "
                 "random, beside others that the user may have. Read again when it changes.",
                 Need::required},
                user.password_file, FileRule{});
}

template <class Visitor>
void visit_keys(Visitor& visit, IdentityRule& rule) {
    visit.value({"issuer", "The `name` of the issuer whose tokens it is for; needed where there are several."},
                rule.issuer, NameRule{});
    visit.conditions({"when",
                      "Claims that the token must have, all of them. Of a claim that is a list, one element must fit; "
                      "of several values given here, one.",
                      Need::required},
                     rule.when);
    visit.value({"user",
                 "The user that such a token logs in as, one under `identity.users`. A claim brings letters, digits "
                 "and `._-@`, 64 at most, and never makes a user that another rule names as it is.",
                 Need::required},
                rule.user, UserTemplateRule{});
}

template <class Visitor>
void visit_keys(Visitor& visit, Identity& identity) {
    using namespace std::chrono_literals;
    visit.sections({"issuers", "Whose tokens are accepted.", Need::required}, identity.issuers);
    visit.sections({"users", "As whom tokens may log in.", Need::required}, identity.users);
    visit.sections({"rules", "Which token is which user: the first rule that fits decides.", Need::required},
                   identity.rules);
    visit.value({"grace",
                 "How long a session may go on after its token's end, so that its client can log in with the next one; "
                 "never less than `leeway`."},
                identity.grace, DurationRule{1ms, 24h, "not at all"});
}

}  // namespace portal::config
