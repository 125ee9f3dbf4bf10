#include "upstream/subscriber_counts.hpp"

#include "upstream/subscription_feed.hpp"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace portal::upstream {
namespace {

constexpr auto kChannel = SubscriptionKind::channel;
constexpr auto kPattern = SubscriptionKind::pattern;

TEST(SubscriberCounts, AddUpOverSourcesAndGoWithTheirSource) {
    SubscriberCounts counts;
    const std::string c = counted_name("n1", kChannel, "c");
    EXPECT_TRUE(counts.empty());
    EXPECT_TRUE(counts.set("a", c, 3));
    EXPECT_TRUE(counts.set("b", c, 2));
    EXPECT_EQ(counts.of(c), 5U);
    EXPECT_TRUE(counts.set("a", c, 1));
    EXPECT_EQ(counts.of(c), 3U);
    EXPECT_EQ(counts.of(counted_name("n2", kChannel, "c")), 0U) << "another node counts for itself";
    EXPECT_EQ(counts.of(counted_name("n1", SubscriptionKind::shard_channel, "c")), 0U);
    EXPECT_TRUE(counts.drop("a"));
    EXPECT_FALSE(counts.drop("a"));
    EXPECT_EQ(counts.of(c), 2U);
    EXPECT_TRUE(counts.set("b", c, 0));
    EXPECT_TRUE(counts.empty());
}

TEST(SubscriberCounts, PatternsCountForTheChannelsOfTheirNodeThatTheyMatch) {
    SubscriberCounts counts;
    ASSERT_TRUE(counts.set("a", counted_name("n1", kPattern, "news.*"), 4));
    ASSERT_TRUE(counts.set("a", counted_name("n1", kPattern, "*"), 2));
    ASSERT_TRUE(counts.set("a", counted_name("n10", kPattern, "*"), 7));
    EXPECT_EQ(counts.by_patterns("n1", "news.de"), 6U);
    EXPECT_EQ(counts.by_patterns("n1", "x"), 2U);
    EXPECT_EQ(counts.by_patterns("n10", "x"), 7U);
    EXPECT_EQ(counts.by_patterns("n", "x"), 0U);
}

TEST(SubscriberCounts, OfOneSourceAreBounded) {
    SubscriberCounts counts;
    EXPECT_FALSE(counts.set("a", std::string(SubscriberCounts::kLongestName + 1, 'x'), 1));
    std::size_t taken = 0;
    const std::string filler(1000, 'x');
    while (taken < 2 * SubscriberCounts::kMostNames && counts.set("a", "0" + std::to_string(taken) + filler, 1)) {
        ++taken;
    }
    EXPECT_LE(taken * filler.size(), SubscriberCounts::kMostBytes);
    EXPECT_TRUE(counts.set("a", "00" + filler, 5)) << "what is there already may change";
    EXPECT_TRUE(counts.set("b", "0new", 1)) << "another source has room of its own";
    EXPECT_TRUE(counts.set("a", "00" + filler, 0));
    EXPECT_TRUE(counts.set("a", "0new" + filler.substr(10), 1)) << "and what goes makes room";
}

struct Case {
    const char* pattern;
    const char* channel;
    bool matches;
};

// Each answer is redis-server 7.0.15's to PSUBSCRIBE and PUBLISH.
TEST(SubscriberCounts, PatternsMatchAsRedisMatchesThem) {
    const std::vector<Case> cases{
        {"*", "x", true},
        {"*", "", false},
        {"", "", true},
        {"", "x", false},
        {"a*b*c", "aXbYc", true},
        {"a*b*c", "abbc", true},
        {"a*b*c", "acb", false},
        {"h?llo", "hello", true},
        {"h?llo", "hllo", false},
        {"h[ae]llo", "hallo", true},
        {"h[ae]llo", "hillo", false},
        {"h[^e]llo", "hallo", true},
        {"h[^e]llo", "hello", false},
        {"h[a-c]llo", "hbllo", true},
        {"h[c-a]llo", "hbllo", true},
        {"\\*", "*", true},
        {"\\*", "x", false},
        {"[\\]]", "]", true},
        {"[abc", "b", true},
        {"[abc", "x", false},
        {"a\\", "a\\", true},
        {"**a**", "a", true},
        {"[^]", "x", true},
        {"[]x", "x", false},
        {"?", "", false},
        {"a**", "a", true},
        {"[a-", "-", true},
        {"x[", "xy", false},
    };
    for (const Case& each : cases) {
        EXPECT_EQ(matches_pattern(each.pattern, each.channel), each.matches) << each.pattern << " " << each.channel;
    }
}

TEST(SubscriberCounts, AHostilePatternCostsLittle) {
    std::string pattern;
    for (int i = 0; i < 20'000; ++i) {
        pattern += "a*";
    }
    EXPECT_FALSE(matches_pattern(pattern + "b", std::string(50'000, 'a')));
}

struct Nobody final : Subscriber {
    void on_message(const MessagePtr&) override {}
    void on_subscribed(SubscriptionFeed&, const SubscribeRequest&) override {}
    void on_subscribe_refused(const SubscribeRequest&, std::string_view) override {}
    void on_subscribe_expired(const SubscribeRequest&) override {}
    void on_subscription_denied() override {}
    std::string_view password() const override { return {}; }
    void on_message_dropped() override {}
    void on_gap() override {}
};

struct Watched final : SurplusWatch {
    std::map<std::string, std::int64_t> surplus;
    void on_surplus(SubscriptionKind, std::string_view name, std::int64_t change) override {
        surplus[std::string(name)] += change;
    }
};

TEST(SubscriberCounts, TheNodeCountsOneOfAllThatListenWhereItHasTheName) {
    Watched watched;
    SubscriptionIndex index(&watched);
    std::vector<Nobody> all(50);
    index.wait(kChannel, "c");
    index.add(kChannel, "c", all[0]);
    index.add(kChannel, "c", all[1]);
    EXPECT_EQ(watched.surplus["c"], 0) << "the node has not confirmed it";
    EXPECT_FALSE(index.answered(kChannel, "c", true));
    EXPECT_EQ(watched.surplus["c"], 1);
    for (std::size_t i = 2; i < all.size(); ++i) {
        index.add(kChannel, "c", all[i]);
    }
    EXPECT_EQ(watched.surplus["c"], 49);
    EXPECT_FALSE(index.remove(kChannel, "c", all[7]));
    EXPECT_EQ(watched.surplus["c"], 48);
    index.lose();
    EXPECT_EQ(watched.surplus["c"], 0) << "no message reaches any of them";
    index.wait(kChannel, "c");
    EXPECT_FALSE(index.answered(kChannel, "c", true));
    EXPECT_EQ(watched.surplus["c"], 48);
    {
        SubscriptionIndex other(&watched);
        other.add(kChannel, "c", all[0]);
        other.add(kChannel, "c", all[1]);
        EXPECT_FALSE(other.answered(kChannel, "c", true));
        EXPECT_EQ(watched.surplus["c"], 49);
    }
    EXPECT_EQ(watched.surplus["c"], 48);
}

}  // namespace
}  // namespace portal::upstream
