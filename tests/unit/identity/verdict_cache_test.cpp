// A token that was found good is not verified again, and is forgotten with its end and with the keys.
#include "identity/verdict_cache.hpp"

#include "tests/unit/identity/identity_fixture.hpp"

#include <string>

namespace portal::identity::testing {
namespace {

using Kind = Verdict::Kind;

class KnownTokens : public IdentityTest {
  protected:
    VerdictCache cache;
};

TEST_F(KnownTokens, are_those_that_were_accepted) {
    EXPECT_EQ(cache.judge(ed().token(payload()), now).kind, Kind::not_ours);
    cache.use(verifier());
    const std::string token = ed().token(payload());
    const Verdict first = cache.judge(token, now);
    EXPECT_EQ(first.kind, Kind::accepted);
    EXPECT_EQ(cache.judge(token, now).identity, first.identity);  // the very same: it was not verified again
    EXPECT_EQ(cache.judge(ed().token(payload({}, "eve")), now).kind, Kind::refused);
    EXPECT_EQ(cache.judge("password", now).kind, Kind::not_ours);
    EXPECT_EQ(cache.judge("eyJ" + std::string(9000, 'a') + "..", now).kind, Kind::refused);
    EXPECT_EQ(cache.size(), 1U);
}

TEST_F(KnownTokens, are_forgotten_when_they_end) {
    cache.use(verifier());
    const std::string token = ed().token(payload());
    EXPECT_EQ(cache.judge(token, now).kind, Kind::accepted);
    EXPECT_EQ(cache.judge(token, now + std::chrono::seconds(629)).kind, Kind::accepted);
    const Verdict over = cache.judge(token, now + std::chrono::seconds(630));
    EXPECT_EQ(over.kind, Kind::refused);
    EXPECT_EQ(over.refusal, Refusal::ended);
    EXPECT_EQ(cache.size(), 0U);
}

TEST_F(KnownTokens, are_forgotten_with_the_keys_and_rules) {
    cache.use(verifier());
    const std::string token = ed().token(payload());
    EXPECT_EQ(cache.judge(token, now).kind, Kind::accepted);
    settings.issuers[0].keys = key_set(rsa().jwk());
    cache.use(verifier());
    EXPECT_EQ(cache.judge(token, now).refusal, Refusal::unknown_key);
    cache.use(nullptr);
    EXPECT_EQ(cache.judge(token, now).kind, Kind::not_ours);
}

TEST_F(KnownTokens, are_bounded) {
    cache.use(verifier());
    for (std::size_t i = 0; i <= VerdictCache::kMost + 100; ++i) {
        ASSERT_EQ(cache.judge(ed().token(payload(",\"n\":" + std::to_string(i))), now).kind, Kind::accepted);
        ASSERT_LE(cache.size(), VerdictCache::kMost);
    }
}

}  // namespace
}  // namespace portal::identity::testing
