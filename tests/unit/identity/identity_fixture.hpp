// One key of each kind, made once, and a verifier for an issuer that has them.
#pragma once

#include "identity/verifier.hpp"
#include "tests/unit/identity/token_maker.hpp"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace portal::identity::testing {

inline constexpr const char* kIssuer = "https://issuer.example";
inline constexpr const char* kAudience = "redis://orders";

class IdentityTest : public ::testing::Test {
  protected:
    static SigningKey& rsa() {
        static SigningKey key(Algorithm::rs256, "r");
        return key;
    }
    static SigningKey& ec() {
        static SigningKey key(Algorithm::es256, "e");
        return key;
    }
    static SigningKey& ed() {
        static SigningKey key(Algorithm::eddsa, "d");
        return key;
    }

    IdentityTest() {
        settings.grace = std::chrono::seconds(60);
        settings.issuers.push_back({.name = "main",
                                    .issuer = kIssuer,
                                    .audience = kAudience,
                                    .keys = key_set(rsa().jwk() + "," + ec().jwk() + "," + ed().jwk())});
        settings.users = {{.name = "app", .password = "app-secret"}, {.name = "team:shop", .password = "shop-secret"}};
        settings.rules = {{.when = {{"sub", {"alice"}}}, .user = "app"}};
    }

    static long seconds(Time time) {
        return static_cast<long>(std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
    }
    /// Good for ten minutes; `more` are further claims, with a comma before each.
    std::string payload(const std::string& more = {}, const std::string& subject = "alice") const {
        return R"({"iss":")" + std::string(kIssuer) + R"(","aud":[")" + kAudience + R"("],"sub":")" + subject +
               R"(","iat":)" + std::to_string(seconds(now)) + R"(,"exp":)" + std::to_string(seconds(now) + 600) + more +
               "}";
    }
    VerifierPtr verifier() const {
        auto made = Verifier::make(settings);
        EXPECT_TRUE(made.verifier) << made.path << ": " << made.complaint;
        return made.verifier;
    }
    Verdict judge(const std::string& token) const { return verifier()->judge(token, now); }
    Refusal refusal(const std::string& token) const {
        const Verdict verdict = judge(token);
        EXPECT_EQ(verdict.kind, Verdict::Kind::refused) << sentence_of(verdict.refusal);
        EXPECT_TRUE(verdict.user.empty() || verdict.refusal >= Refusal::no_rule);
        EXPECT_TRUE(verdict.password.empty());
        return verdict.refusal;
    }
    std::string user_of(const std::string& claims) const {
        const Verdict verdict = judge(ed().token(payload(claims)));
        return verdict.kind == Verdict::Kind::accepted ? verdict.user : std::string(sentence_of(verdict.refusal));
    }

    config::Identity settings;
    Time now = Time(std::chrono::seconds(1'800'000'000));
};

}  // namespace portal::identity::testing
