// What a token must be to log somebody in, and what a forger may try.
#include "identity/json.hpp"
#include "tests/unit/identity/identity_fixture.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

namespace portal::identity::testing {
namespace {

using Tokens = IdentityTest;
using Kind = Verdict::Kind;

TEST_F(Tokens, of_each_algorithm_are_accepted) {
    for (SigningKey* key : {&rsa(), &ec(), &ed()}) {
        const Verdict verdict = judge(key->token(payload()));
        EXPECT_EQ(verdict.kind, Kind::accepted) << key->header() << sentence_of(verdict.refusal);
        EXPECT_EQ(verdict.user, "app");
        EXPECT_EQ(verdict.password, "app-secret");
        EXPECT_EQ(verdict.issuer, "main");
        EXPECT_EQ(seconds(verdict.identity->ends), seconds(now) + 600);
        EXPECT_EQ(seconds(verdict.identity->good_until), seconds(now) + 660);
    }
}

TEST_F(Tokens, that_are_none_are_left_to_redis) {
    for (const char* secret : {"", "secret", "eyJ", "eyJ.a", "a.b.c", "eyJhbGciOi.x.y.z", "eyJhbGciOi.x y.z"}) {
        EXPECT_EQ(judge(secret).kind, Kind::not_ours) << secret;
    }
}

TEST_F(Tokens, of_another_issuer_are_left_to_redis) {
    std::string text = payload();
    text.replace(text.find("issuer.example"), 14, "others.example");
    EXPECT_EQ(judge(rsa().token(text)).kind, Kind::not_ours);
    EXPECT_EQ(refusal(rsa().token(R"({"sub":"alice"})")), Refusal::issuer);
}

TEST_F(Tokens, without_a_signature_are_refused) {
    const std::string body = "." + encode_base64url(payload()) + ".";
    EXPECT_EQ(refusal(encode_base64url(R"({"alg":"none"})") + body), Refusal::algorithm);
    EXPECT_EQ(refusal(encode_base64url(R"({"alg":"None","typ":"JWT"})") + body), Refusal::algorithm);
    EXPECT_EQ(refusal(encode_base64url(R"({"typ":"JWT"})") + body), Refusal::algorithm);
    EXPECT_EQ(refusal(encode_base64url(rsa().header()) + body), Refusal::signature);
    EXPECT_EQ(refusal(encode_base64url(ec().header()) + body), Refusal::signature);
    EXPECT_EQ(refusal(encode_base64url(ed().header()) + body), Refusal::signature);
}

TEST_F(Tokens, signed_with_the_public_key_as_a_shared_secret_are_refused) {
    const std::string message = encode_base64url(R"({"alg":"HS256","kid":"r"})") + "." + encode_base64url(payload());
    EXPECT_EQ(refusal(message + "." + encode_base64url(hmac(rsa().public_pem(), message))), Refusal::algorithm);
    const std::string as_rsa = encode_base64url(rsa().header()) + "." + encode_base64url(payload());
    EXPECT_EQ(refusal(as_rsa + "." + encode_base64url(hmac(rsa().public_pem(), as_rsa))), Refusal::signature);
}

TEST_F(Tokens, may_not_choose_another_algorithm_than_their_key_has) {
    EXPECT_EQ(refusal(rsa().token(R"({"alg":"ES256","kid":"r"})", payload())), Refusal::other_algorithm);
    EXPECT_EQ(refusal(ec().token(R"({"alg":"RS256","kid":"e"})", payload())), Refusal::other_algorithm);
    EXPECT_EQ(refusal(ed().token(R"({"alg":"ES256","kid":"d"})", payload())), Refusal::other_algorithm);
    EXPECT_EQ(refusal(rsa().token(R"({"alg":"PS256","kid":"r"})", payload())), Refusal::algorithm);
    EXPECT_EQ(refusal(rsa().token(R"({"alg":"RS384","kid":"r"})", payload())), Refusal::algorithm);
    EXPECT_EQ(refusal(rsa().token(R"({"alg":"rs256","kid":"r"})", payload())), Refusal::algorithm);
    EXPECT_EQ(refusal(rsa().token(R"({"alg":["RS256"],"kid":"r"})", payload())), Refusal::algorithm);
}

TEST_F(Tokens, of_a_key_that_is_not_the_issuers_are_refused) {
    const SigningKey stranger(Algorithm::es256, "e");  // takes the name of a known one
    EXPECT_EQ(refusal(stranger.token(payload())), Refusal::signature);
    EXPECT_EQ(refusal(ec().token(R"({"alg":"ES256","kid":"x"})", payload())), Refusal::unknown_key);
    EXPECT_EQ(refusal(ec().token(R"({"alg":"ES256","kid":7})", payload())), Refusal::header);
    // Keys that a token brings along are never looked at.
    EXPECT_EQ(refusal(stranger.token(R"({"alg":"ES256","kid":"e","jwk":)" + stranger.jwk() + "}", payload())),
              Refusal::signature);
}

TEST_F(Tokens, without_a_kid_need_one_key_of_their_algorithm) {
    const std::string token = ec().token(R"({"alg":"ES256"})", payload());
    EXPECT_EQ(judge(token).kind, Kind::accepted);
    const SigningKey other(Algorithm::es256, "other");
    settings.issuers[0].keys = key_set(ec().jwk() + "," + other.jwk());
    EXPECT_EQ(refusal(token), Refusal::ambiguous_key);
    EXPECT_EQ(judge(ec().token(payload())).kind, Kind::accepted);
}

TEST_F(Tokens, with_a_header_that_must_be_understood_are_refused) {
    EXPECT_EQ(refusal(ed().token(R"({"alg":"EdDSA","kid":"d","crit":["b64"],"b64":false})", payload())),
              Refusal::critical);
    EXPECT_EQ(refusal(ed().token(R"({"alg":"EdDSA","kid":"d","crit":[]})", payload())), Refusal::critical);
    EXPECT_EQ(refusal(ed().token(R"({"alg":"EdDSA","kid":"d","typ":"dpop+jwt"})", payload())), Refusal::type);
    EXPECT_EQ(refusal(ed().token(R"({"alg":"EdDSA","kid":"d","typ":1})", payload())), Refusal::type);
    for (const char* type : {"JWT", "jwt", "at+jwt", "application/at+jwt"}) {
        EXPECT_EQ(judge(ed().token(R"({"alg":"EdDSA","kid":"d","typ":")" + std::string(type) + "\"}", payload())).kind,
                  Kind::accepted)
            << type;
    }
}

TEST_F(Tokens, that_are_large_or_deep_are_refused_before_anything_is_checked) {
    EXPECT_EQ(refusal(ed().token(payload(R"(,"x":")" + std::string(8000, 'a') + "\""))), Refusal::too_long);
    const std::string deep = std::string(kDeepest, '[') + std::string(kDeepest, ']');
    EXPECT_EQ(refusal(ed().token(payload(",\"x\":" + deep))), Refusal::claims);
    EXPECT_EQ(judge(ed().token(payload(",\"x\":" + deep.substr(2, deep.size() - 4)))).kind, Kind::accepted);
    const std::string header = R"({"alg":"EdDSA","kid":"d","x":)" + deep + "}";
    EXPECT_EQ(refusal(ed().token(header, payload())), Refusal::header);
    EXPECT_EQ(judge(ed().token(std::string(3000, '['), payload())).kind, Kind::not_ours);
    EXPECT_EQ(refusal(ed().token(payload("").substr(1))), Refusal::claims);
    EXPECT_EQ(refusal(ed().token(payload(",\"x\":\"\xff\""))), Refusal::claims);
}

TEST_F(Tokens, are_written_in_one_way_only) {
    const std::string token = ed().token(payload());
    // 64 bytes of signature are 86 characters, of which the last one has four bits that must be zero.
    std::string other = token;
    other.back() = other.back() == 'A' ? 'B' : static_cast<char>(other.back() + 1);
    EXPECT_EQ(refusal(other), Refusal::no_token);
    EXPECT_EQ(judge(token + "=").kind, Kind::not_ours);
    EXPECT_EQ(judge(token + "\n").kind, Kind::not_ours);
    EXPECT_EQ(refusal(token.substr(0, token.size() - 1)), Refusal::no_token);
}

TEST_F(Tokens, are_for_one_audience) {
    const auto with = [&](const std::string& audience) {
        std::string text = payload();
        const std::size_t at = text.find("\"aud\":[");
        text.replace(at, text.find("],", at) + 2 - at, audience);
        return ed().token(text);
    };
    EXPECT_EQ(judge(with(R"("aud":"redis://orders",)")).kind, Kind::accepted);
    EXPECT_EQ(judge(with(R"("aud":["x",7,"redis://orders"],)")).kind, Kind::accepted);
    for (const char* audience : {"", R"("aud":"redis://order",)", R"("aud":"redis://orders2",)", R"("aud":[],)",
                                 R"("aud":"REDIS://orders",)", R"("aud":{"redis://orders":1},)", R"("aud":null,)"}) {
        EXPECT_EQ(refusal(with(audience)), Refusal::audience) << audience;
    }
}

TEST_F(Tokens, have_a_beginning_and_an_end_with_leeway) {
    const auto with = [&](const std::string& times) {
        const std::string text =
            R"({"iss":")" + std::string(kIssuer) + R"(","aud":")" + kAudience + R"(","sub":"alice")" + times + "}";
        return ed().token(text);
    };
    const auto at = [&](const char* claim, long offset) {
        return R"(,")" + std::string(claim) + "\":" + std::to_string(seconds(now) + offset);
    };
    EXPECT_EQ(refusal(with("")), Refusal::no_end);
    EXPECT_EQ(judge(with(at("exp", -29))).kind, Kind::accepted);
    EXPECT_EQ(refusal(with(at("exp", -30))), Refusal::ended);
    EXPECT_EQ(judge(with(at("exp", 10) + at("nbf", 30))).kind, Kind::accepted);
    EXPECT_EQ(refusal(with(at("exp", 100) + at("nbf", 31))), Refusal::not_yet);
    EXPECT_EQ(refusal(with(at("exp", 100) + at("iat", 31))), Refusal::issued_later);
    EXPECT_EQ(judge(with(at("exp", 100) + ".5")).kind, Kind::accepted);
    EXPECT_EQ(refusal(with(at("exp", -3600))), Refusal::ended);
    for (const char* time : {"\"1900000000\"", "-1", "1e300", "null", "[1900000000]", "true"}) {
        EXPECT_EQ(refusal(with(R"(,"exp":)" + std::string(time))), Refusal::times) << time;
        EXPECT_EQ(refusal(with(at("exp", 100) + R"(,"nbf":)" + std::string(time))), Refusal::times) << time;
    }
}

TEST_F(Tokens, with_any_bit_changed_are_refused) {
    std::minstd_rand random(7);
    const VerifierPtr verifier = this->verifier();
    for (SigningKey* key : {&rsa(), &ec(), &ed()}) {
        const std::string token = key->token(payload());
        for (int i = 0; i < 1500; ++i) {
            std::string changed = token;
            changed[random() % changed.size()] ^= static_cast<char>(1U << random() % 7);
            if (changed != token) {
                EXPECT_NE(verifier->judge(changed, now).kind, Kind::accepted) << changed;
            }
        }
    }
}

TEST_F(Tokens, that_are_put_together_from_pieces_of_good_ones_are_refused) {
    std::minstd_rand random(11);
    const VerifierPtr verifier = this->verifier();
    std::vector<std::string> good;
    for (SigningKey* key : {&rsa(), &ec(), &ed()}) {
        good.push_back(key->token(payload()));
        good.push_back(key->token(payload(R"(,"n":1)", "bob")));
    }
    const auto parts = [](const std::string& token) {
        const std::size_t first = token.find('.');
        const std::size_t second = token.find('.', first + 1);
        return std::array{token.substr(0, first), token.substr(first + 1, second - first - 1),
                          token.substr(second + 1)};
    };
    for (std::size_t i = 0; i < good.size(); ++i) {
        for (std::size_t j = 0; j < good.size(); ++j) {
            for (std::size_t k = 0; k < good.size(); ++k) {
                const std::string token = parts(good[i])[0] + "." + parts(good[j])[1] + "." + parts(good[k])[2];
                const bool is_good = token == good[0] || token == good[2] || token == good[4];  // bob fits no rule
                EXPECT_EQ(verifier->judge(token, now).kind == Kind::accepted, is_good) << i << j << k;
            }
        }
    }
    for (int i = 0; i < 3000; ++i) {
        std::string token = good[random() % good.size()];
        const std::size_t from = random() % token.size();
        const std::string& other = good[random() % good.size()];
        const std::size_t at = random() % other.size();
        token = token.substr(0, from) + other.substr(at);
        if (std::ranges::find(good, token) == good.end()) {
            EXPECT_NE(verifier->judge(token, now).kind, Kind::accepted);
        }
    }
}

TEST_F(Tokens, with_signatures_of_other_forms_are_refused) {
    const std::string message = encode_base64url(ec().header()) + "." + encode_base64url(payload());
    const auto with = [&](const std::string& signature) { return message + "." + encode_base64url(signature); };
    EXPECT_EQ(refusal(with(std::string(64, '\0'))), Refusal::signature);  // r = s = 0
    EXPECT_EQ(refusal(with(ec().sign(message) + std::string(1, '\0'))), Refusal::signature);
    EXPECT_EQ(refusal(with(ec().sign(message).substr(0, 63))), Refusal::signature);
    EXPECT_EQ(refusal(with(std::string(64, '\xff'))), Refusal::signature);
    EXPECT_EQ(judge(with(ec().sign(message))).kind, Kind::accepted);
}

}  // namespace
}  // namespace portal::identity::testing
