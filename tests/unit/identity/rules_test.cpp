// Which user a token becomes, and what of a reload reaches those that are logged in already.
#include "tests/unit/identity/identity_fixture.hpp"

#include <string>

namespace portal::identity::testing {
namespace {

using Rules = IdentityTest;
using Kind = Verdict::Kind;

constexpr const char* kKubernetes =
    R"(,"kubernetes.io":{"namespace":"shop","serviceaccount":{"name":"cart","uid":"1"}})";

TEST_F(Rules, are_taken_in_order) {
    settings.rules = {{.when = {{"groups", {"nobody"}}}, .user = "app"},
                      {.when = {{"groups", {"a", "b"}}, {"sub", {"*"}}}, .user = "team:shop"},
                      {.when = {{"sub", {"alice"}}}, .user = "app"}};
    EXPECT_EQ(user_of(""), "app");
    EXPECT_EQ(user_of(R"(,"groups":["x","b"])"), "team:shop");
    EXPECT_EQ(user_of(R"(,"groups":"a")"), "team:shop");
    const Verdict verdict = judge(ed().token(payload(R"(,"groups":"a")")));
    EXPECT_EQ(verdict.rule, 1U);
}

TEST_F(Rules, find_claims_within_claims) {
    settings.rules = {{.when = {{"kubernetes.io/namespace", {"shop"}}, {"kubernetes.io/serviceaccount/name", {"ca*"}}},
                       .user = "app"}};
    EXPECT_EQ(user_of(kKubernetes), "app");
    EXPECT_EQ(user_of(R"(,"kubernetes.io":{"namespace":"shop"})"), sentence_of(Refusal::no_rule));
    // A claim whose own name has a slash is another one.
    EXPECT_EQ(user_of(R"(,"kubernetes.io/namespace":"shop","kubernetes.io/serviceaccount/name":"cart")"),
              sentence_of(Refusal::no_rule));
    settings.rules = {{.when = {{"https:~1~1x.example~1roles", {"writer"}}}, .user = "app"}};
    EXPECT_EQ(user_of(R"(,"https://x.example/roles":["reader","writer"])"), "app");
}

TEST_F(Rules, compare_claims_to_the_letter) {
    settings.rules = {{.when = {{"x", {"abc"}}}, .user = "app"}};
    EXPECT_EQ(user_of(R"(,"x":"abc")"), "app");
    for (const char* claim :
         {R"("abcd")", R"("ABC")", R"("abc\u0000")", R"(["ab","c"])", R"({"abc":1})", "null", "[]", R"([["abc"]])"}) {
        EXPECT_EQ(user_of(R"(,"x":)" + std::string(claim)), sentence_of(Refusal::no_rule)) << claim;
    }
    settings.rules = {{.when = {{"x", {"true", "7"}}}, .user = "app"}};
    EXPECT_EQ(user_of(R"(,"x":true)"), "app");
    EXPECT_EQ(user_of(R"(,"x":7)"), "app");
    EXPECT_EQ(user_of(R"(,"x":false)"), sentence_of(Refusal::no_rule));
    EXPECT_EQ(user_of(R"(,"x":7.5)"), sentence_of(Refusal::no_rule));
}

TEST_F(Rules, make_users_of_claims) {
    settings.rules = {{.when = {{"sub", {"*"}}}, .user = "team:{kubernetes.io/namespace}"}};
    EXPECT_EQ(user_of(kKubernetes), "team:shop");
    EXPECT_EQ(user_of(R"(,"kubernetes.io":{"namespace":"other"})"), sentence_of(Refusal::unknown_user));
    EXPECT_EQ(user_of(R"(,"kubernetes.io":{"namespace":["shop"]})"), sentence_of(Refusal::template_claim));
    EXPECT_EQ(user_of(""), sentence_of(Refusal::template_claim));
    for (const char* text : {"", "a:b", "a b", "a\\u0000", "a\\n", "{sub}", "sh\\u00f6p", "a/b", "*"}) {
        EXPECT_EQ(user_of(R"(,"kubernetes.io":{"namespace":")" + std::string(text) + "\"}"),
                  sentence_of(Refusal::template_text))
            << text;
    }
    EXPECT_EQ(user_of(R"(,"kubernetes.io":{"namespace":")" + std::string(65, 'a') + "\"}"),
              sentence_of(Refusal::template_text));
}

TEST_F(Rules, let_no_claim_make_a_user_that_is_meant_for_others) {
    settings.users.push_back({.name = "admin", .password = "admin-secret"});
    settings.users.push_back({.name = "default", .password = "default-secret"});
    settings.rules = {{.when = {{"groups", {"admins"}}}, .user = "admin"},
                      {.when = {{"sub", {"*"}}}, .user = "{name}"}};
    EXPECT_EQ(user_of(R"(,"groups":["admins"],"name":"app")"), "admin");
    EXPECT_EQ(user_of(R"(,"name":"app")"), "app");
    EXPECT_EQ(user_of(R"(,"name":"admin")"), sentence_of(Refusal::reserved_user));
    EXPECT_EQ(user_of(R"(,"name":"default")"), sentence_of(Refusal::reserved_user));
}

TEST_F(Rules, are_for_one_issuer_where_they_say_so) {
    settings.issuers.push_back({.name = "second",
                                .issuer = "https://second.example",
                                .audience = kAudience,
                                .keys = key_set(SigningKey(Algorithm::eddsa, "s").jwk())});
    settings.rules = {{.issuer = "second", .when = {{"sub", {"alice"}}}, .user = "team:shop"},
                      {.issuer = "main", .when = {{"sub", {"alice"}}}, .user = "app"}};
    EXPECT_EQ(user_of(""), "app");
    // The second issuer's name with the first one's key.
    std::string text = payload();
    text.replace(text.find(kIssuer), std::string(kIssuer).size(), "https://second.example");
    EXPECT_EQ(refusal(ed().token(text)), Refusal::unknown_key);
}

TEST_F(Rules, end_what_they_allowed_when_they_are_gone) {
    const Verdict first = judge(ed().token(payload()));
    ASSERT_EQ(first.kind, Kind::accepted);
    EXPECT_EQ(verifier()->judge_again(first.identity).kind, Kind::accepted);
    const config::Identity before = settings;

    settings.rules = {{.when = {{"sub", {"bob"}}}, .user = "app"}};
    EXPECT_EQ(verifier()->judge_again(first.identity).refusal, Refusal::no_rule);
    settings = before;
    settings.issuers[0].keys = key_set(rsa().jwk());
    EXPECT_EQ(verifier()->judge_again(first.identity).refusal, Refusal::unknown_key);
    settings.issuers[0].keys = key_set(SigningKey(Algorithm::eddsa, "d").jwk());  // another key of that name
    EXPECT_EQ(verifier()->judge_again(first.identity).refusal, Refusal::unknown_key);
    settings = before;
    settings.issuers[0].audience = "redis://stock";
    EXPECT_EQ(verifier()->judge_again(first.identity).refusal, Refusal::audience);
    settings = before;
    settings.issuers[0].issuer = "https://moved.example";
    EXPECT_EQ(verifier()->judge_again(first.identity).refusal, Refusal::issuer);
    settings = before;
    settings.rules.insert(settings.rules.begin(), {.when = {{"sub", {"alice"}}}, .user = "team:shop"});
    EXPECT_EQ(verifier()->judge_again(first.identity).user, "team:shop");
}

}  // namespace
}  // namespace portal::identity::testing
