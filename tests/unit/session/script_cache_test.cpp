#include "session/script_cache.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

namespace portal::session {
namespace {

using Kind = ScriptCache::Kind;
using Proof = ScriptCache::Proof;

const auto kNobody = std::make_shared<const command::Credentials>();
const std::string kSha = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";  // of "return 1"

class ScriptCacheTest : public ::testing::Test {
  protected:
    ScriptPtr eval(std::string_view body) { return cache_.accept(body, Kind::evaluated, Proof::given, kNobody); }
    bool has(std::string_view body) const {
        const std::string digest = digest_of(body);
        for (const auto& each : cache_.all()) {
            if (each.digest == digest && each.script) {
                return true;
            }
        }
        return false;
    }
    static std::string text(int number) { return "return " + std::to_string(number); }

    ScriptCache cache_{1024 * 1024};
};

TEST_F(ScriptCacheTest, TheDigestIsTheOneThatRedisGives) {
    EXPECT_EQ(digest_of("return 1"), kSha);
    EXPECT_EQ(digest_of(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    EXPECT_EQ(lower_digest("E0E1F9FABFC9D4800C877A703B823AC0578FF8DB"), kSha);
    EXPECT_EQ(lower_digest(kSha.substr(1)), "");
    EXPECT_EQ(lower_digest(kSha.substr(1) + "x"), "");
}

TEST_F(ScriptCacheTest, AScriptIsNewOnce) {
    EXPECT_EQ(eval("return 1")->digest, kSha);
    EXPECT_EQ(eval("return 1"), nullptr);
    EXPECT_EQ(cache_.size(), 1U);
    EXPECT_EQ(cache_.bytes(), 8 + ScriptCache::kOverhead);
}

TEST_F(ScriptCacheTest, AnEmptyTextIsAScript) {
    EXPECT_NE(eval(""), nullptr);
    EXPECT_TRUE(has(""));
}

TEST_F(ScriptCacheTest, ANodeThatCallsItOtherwiseHasNotGotIt) {
    EXPECT_EQ(cache_.accept("return 1", Kind::kept, Proof::given, kNobody, digest_of("return 2")), nullptr);
    EXPECT_TRUE(cache_.empty());
    EXPECT_NE(cache_.accept("return 1", Kind::kept, Proof::given, kNobody, kSha), nullptr);
}

TEST_F(ScriptCacheTest, TextsThatNobodyNamedGoFirst) {
    eval("named");
    cache_.note_known(digest_of("named"));
    cache_.accept("loaded", Kind::kept, Proof::given, kNobody);
    for (int i = 0; i < 10000; ++i) {
        eval(text(i));
        ASSERT_LE(cache_.size(), ScriptCache::kMostEvaluated + 2);
    }
    EXPECT_TRUE(has("named"));
    EXPECT_TRUE(has("loaded"));
    EXPECT_TRUE(has(text(9999)));
    EXPECT_TRUE(has(text(9500)));
    EXPECT_FALSE(has(text(9499)));
}

TEST_F(ScriptCacheTest, OfThoseThatAreNamedTheOneUsedLeastLatelyGoes) {
    cache_.limit(4 * (ScriptCache::kOverhead + 8));
    for (int i = 1; i <= 4; ++i) {
        cache_.accept(text(i), Kind::kept, Proof::given, kNobody);
    }
    cache_.note_known(digest_of(text(1)));
    cache_.accept(text(5), Kind::kept, Proof::given, kNobody);
    EXPECT_TRUE(has(text(1)));
    EXPECT_FALSE(has(text(2)));
    EXPECT_TRUE(has(text(5)));
    EXPECT_LE(cache_.bytes(), 4 * (ScriptCache::kOverhead + 8));
}

TEST_F(ScriptCacheTest, ATextThatIsLargerThanAllIsNotKept) {
    cache_.limit(1000);
    EXPECT_EQ(eval(std::string(1000, 'x')), nullptr);
    EXPECT_TRUE(cache_.empty());
}

TEST_F(ScriptCacheTest, ALowerLimitCountsAtOnce) {
    for (int i = 0; i < 100; ++i) {
        eval(text(i));
    }
    cache_.limit(10 * ScriptCache::kOverhead);
    EXPECT_LE(cache_.bytes(), 10 * ScriptCache::kOverhead);
    cache_.limit(0);
    EXPECT_TRUE(cache_.empty());
    EXPECT_EQ(cache_.bytes(), 0U);
    EXPECT_EQ(eval("return 1"), nullptr);
}

TEST_F(ScriptCacheTest, ADigestWhoseTextWasNeverSeenGetsItLater) {
    cache_.note_known("E0E1F9FABFC9D4800C877A703B823AC0578FF8DB");
    EXPECT_EQ(cache_.size(), 1U);
    EXPECT_EQ(cache_.all().front().script, nullptr);
    EXPECT_NE(eval("return 1"), nullptr);
    EXPECT_EQ(cache_.size(), 1U);
    EXPECT_TRUE(has("return 1"));
    cache_.note_known("no digest");
    EXPECT_EQ(cache_.size(), 1U);
}

TEST_F(ScriptCacheTest, DigestsWithoutATextAreBounded) {
    for (int i = 0; i < 5000; ++i) {
        cache_.note_known(digest_of(text(i)));
    }
    EXPECT_EQ(cache_.size(), ScriptCache::kMostNamed);
}

TEST_F(ScriptCacheTest, AfterAFlushStaysWhatTheNodeStillKnows) {
    eval("return 1");
    eval("return 2");
    cache_.doubt();
    eval("return 3");
    EXPECT_EQ(cache_.doubtful().size(), 2U);
    EXPECT_EQ(cache_.proven(), 1U);
    cache_.confirm(kSha, true);
    cache_.confirm(digest_of("return 2"), false);
    EXPECT_FALSE(cache_.has_doubtful());
    EXPECT_TRUE(has("return 1"));
    EXPECT_FALSE(has("return 2"));
    EXPECT_TRUE(has("return 3"));
}

TEST_F(ScriptCacheTest, WhatANodeWasNotAskedForGoesWithIt) {
    eval("return 1");
    cache_.accept("fails", Kind::evaluated, Proof::owed, kNobody);
    EXPECT_TRUE(cache_.has_doubtful());
    cache_.drop_doubtful();
    EXPECT_TRUE(has("return 1"));
    EXPECT_FALSE(has("fails"));
    EXPECT_FALSE(cache_.has_doubtful());
}

TEST_F(ScriptCacheTest, AProofThatComesLaterCounts) {
    cache_.accept("return 1", Kind::evaluated, Proof::owed, kNobody);
    eval("return 1");
    EXPECT_FALSE(cache_.has_doubtful());
    cache_.accept("return 1", Kind::evaluated, Proof::owed, kNobody);
    EXPECT_FALSE(cache_.has_doubtful()) << "it was known already";
}

TEST_F(ScriptCacheTest, SomeOfThemAreThoseOfAllFromThereOn) {
    eval("return 1");
    eval("return 2");
    cache_.note_known(digest_of("return 2"));
    cache_.note_known(digest_of("somewhere else"));
    const auto digests = [](const std::vector<ScriptCache::Known>& known) {
        std::vector<std::string> found;
        for (const auto& each : known) {
            found.push_back(each.digest);
        }
        return found;
    };
    const std::vector<std::string> all = digests(cache_.all());
    ASSERT_EQ(all.size(), 3U);
    for (std::size_t begin = 0; begin <= 4; ++begin) {
        for (std::size_t count = 0; count <= 4; ++count) {
            const auto from = all.begin() + static_cast<std::ptrdiff_t>(std::min(begin, all.size()));
            const auto to = all.begin() + static_cast<std::ptrdiff_t>(std::min(begin + count, all.size()));
            EXPECT_EQ(digests(cache_.some(begin, count)), std::vector<std::string>(from, to)) << begin << ' ' << count;
        }
    }
}

TEST_F(ScriptCacheTest, ATextOfAnotherShardIsTheSameText) {
    const ScriptPtr script = eval("return 1");
    ScriptCache other(1024 * 1024);
    EXPECT_TRUE(other.accept(script, Kind::evaluated));
    EXPECT_FALSE(other.accept(script, Kind::evaluated));
    EXPECT_EQ(other.all().front().script.get(), script.get());
    EXPECT_EQ(other.all().front().digest, kSha);
}

}  // namespace
}  // namespace portal::session
