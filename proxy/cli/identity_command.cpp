#include "cli/identity_command.hpp"

#include "certs/certificate_description.hpp"
#include "cli/portal_file.hpp"
#include "config/secret_files.hpp"
#include "identity/json.hpp"
#include "identity/verifier.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

namespace portal::cli {

namespace {

namespace json = boost::json;

struct Arguments {
    std::string token;
    std::string config;
};

/// A claim comes from outside: nothing in it may act on the terminal.
std::string shown(const json::value& claim) {
    constexpr std::size_t kMost = 200;
    std::string text = json::serialize(claim);
    std::ranges::replace_if(
        text, [](char c) { return static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) >= 0x7f; }, '?');
    return text.size() > kMost ? text.substr(0, kMost) + "..." : text;
}

void tell_claims(const json::object& claims) {
    for (const auto& [name, value] : claims) {
        fmt::print("  {}: {}\n", shown(json::value(name)), shown(value));
    }
}

/// Why the rule is not the token's.
std::string why_not(const config::IdentityRule& rule, const json::object& claims, const std::string& issuer) {
    if (rule.issuer && *rule.issuer != issuer) {
        return "is for issuer " + *rule.issuer;
    }
    for (const config::ClaimCondition& condition : rule.when) {
        const json::value* claim = identity::find_claim(claims, condition.claim);
        if (claim == nullptr) {
            return "wants the claim " + condition.claim + ", which the token has not";
        }
        const auto fits = [&](const std::string& wanted) { return identity::claim_fits(*claim, wanted); };
        if (std::ranges::none_of(condition.values, fits)) {
            return "wants another " + condition.claim;
        }
    }
    return "fits";
}

void tell_rules(const config::Identity& settings, const json::object& claims, const std::string& issuer) {
    for (std::size_t i = 0; i < settings.rules.size(); ++i) {
        fmt::print("  identity.rules[{}] {}\n", i, why_not(settings.rules[i], claims, issuer));
    }
}

int fail(const std::string& sentence) {
    fmt::print(stderr, "redis-portal: {}\n", sentence);
    return 1;
}

/// What a token says where there is no configuration to judge it by.
int tell_unverified(std::string_view token) {
    const identity::TokenRead read = identity::read_token(token);
    if (!read.token) {
        return fail(fmt::format("the token {}", identity::sentence_of(read.refusal)));
    }
    fmt::print("algorithm {}, kid {}; the signature was not checked, since that needs --config. It claims:\n",
               identity::name_of(read.token->algorithm), shown(json::value(read.token->key_id.value_or("(none)"))));
    tell_claims(read.token->claims);
    return 0;
}

int tell_verdict(const config::Identity& settings, std::string_view token) {
    const auto made = identity::Verifier::make(settings);
    if (!made.verifier) {
        return fail(made.path + ": " + made.complaint);
    }
    const auto now = std::chrono::system_clock::now();
    const identity::Verdict verdict = made.verifier->judge(token, now);
    const identity::TokenRead read = identity::read_token(token);
    if (verdict.kind == identity::Verdict::Kind::accepted) {
        fmt::print("ok: identity.rules[{}] fits: the token of issuer {} logs in as user {}\n", verdict.rule,
                   verdict.issuer, verdict.user);
        fmt::print("ok: it ends at {}, a session with it at {}\n", certs::format_time(verdict.identity->ends),
                   certs::format_time(verdict.identity->good_until));
        return 0;
    }
    if (verdict.kind == identity::Verdict::Kind::not_ours) {
        (void)fail("this is no token of an issuer under identity.issuers, so Redis would be asked as for any password");
    } else {
        (void)fail(fmt::format("refused: the token {}{}", identity::sentence_of(verdict.refusal),
                               verdict.issuer.empty() ? "" : " (issuer " + verdict.issuer + ")"));
    }
    if (read.token) {
        if (verdict.identity != nullptr) {  // its signature is good
            tell_rules(settings, read.token->claims, verdict.issuer);
        }
        fmt::print("the token claims:\n");
        tell_claims(read.token->claims);
    }
    return 1;
}

int run_check(const Arguments& arguments) {
    const auto token = config::read_password(arguments.token);
    if (!token.value) {
        return fail("--token: " + token.complaint);
    }
    if (arguments.config.empty()) {
        return tell_unverified(*token.value);
    }
    const config::LoadResult loaded = load_portal_file(arguments.config);
    for (const config::Problem& problem : loaded.problems) {
        fmt::print(stderr, "{}\n", config::format_problem(arguments.config, problem));
    }
    if (!loaded.config) {
        return 1;
    }
    if (!loaded.config->identity) {
        return fail(arguments.config + " has no section identity: no token logs in");
    }
    return tell_verdict(*loaded.config->identity, *token.value);
}

}  // namespace

void add_identity_command(CLI::App& app, int& exit_status) {
    CLI::App* identity = app.add_subcommand("identity", "Try what a token would log in as");
    identity->require_subcommand(1);
    auto arguments = std::make_shared<Arguments>();
    CLI::App* check = identity->add_subcommand(
        "check", "Say which rule a token fits and as which user it logs in, or why not. Never prints the token");
    check->add_option("--token", arguments->token, "File whose first line is the token (a JWT)")->required();
    check->add_option("-c,--config", arguments->config,
                      "The configuration file with the section identity; without it, only what the token claims");
    check->callback([arguments, &exit_status] { exit_status = run_check(*arguments); });
}

}  // namespace portal::cli
