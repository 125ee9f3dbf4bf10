#include "upstream/subscription_index.hpp"

#include "upstream/subscription_feed.hpp"

#include <algorithm>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace portal::upstream {
namespace {

constexpr auto kChannel = SubscriptionKind::channel;

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

TEST(SubscriptionIndex, TheLastOneToLeaveEndsTheSubscription) {
    SubscriptionIndex index;
    Nobody a, b;
    index.wait(kChannel, "c");
    index.add(kChannel, "c", a);
    EXPECT_FALSE(index.active(kChannel, "c"));
    EXPECT_FALSE(index.answered(kChannel, "c", true));
    EXPECT_TRUE(index.active(kChannel, "c"));
    index.add(kChannel, "c", b);
    EXPECT_FALSE(index.remove(kChannel, "c", a));
    EXPECT_TRUE(index.remove(kChannel, "c", b));
    EXPECT_TRUE(index.empty());
}

TEST(SubscriptionIndex, OfManyEachLeavesAloneInAnyOrder) {
    constexpr std::size_t kMany = 1000;
    std::vector<Nobody> all(kMany);
    std::vector<std::size_t> order(kMany);
    std::iota(order.begin(), order.end(), 0U);
    std::shuffle(order.begin(), order.end(), std::mt19937(1));
    SubscriptionIndex index;
    for (Nobody& each : all) {
        index.add(kChannel, "c", each);
    }
    EXPECT_FALSE(index.answered(kChannel, "c", true));
    std::set<const Subscriber*> left;
    for (const Nobody& each : all) {
        left.insert(&each);
    }
    for (std::size_t i = 0; i < kMany; ++i) {
        EXPECT_EQ(index.remove(kChannel, "c", all[order[i]]), i + 1 == kMany);
        EXPECT_FALSE(index.remove(kChannel, "c", all[order[i]])) << "a second time";
        left.erase(&all[order[i]]);
        const auto* subscribers = index.subscribers(kChannel, "c");
        if (i % 100 == 0 && subscribers != nullptr) {
            EXPECT_EQ(std::set<const Subscriber*>(subscribers->begin(), subscribers->end()), left);
            index.add(kChannel, "c", all[order[i]]);
            EXPECT_FALSE(index.remove(kChannel, "c", all[order[i]]));
        }
    }
    EXPECT_TRUE(index.empty());
}

TEST(SubscriptionIndex, KindsDoNotMix) {
    SubscriptionIndex index;
    Nobody a;
    index.add(kChannel, "c", a);
    EXPECT_EQ(index.subscribers(SubscriptionKind::pattern, "c"), nullptr);
    EXPECT_FALSE(index.remove(SubscriptionKind::pattern, "c", a));
    EXPECT_EQ(index.subscribers(kChannel, "c")->size(), 1U);
}

TEST(SubscriptionIndex, WhoStillWaitsKeepsAName) {
    SubscriptionIndex index;
    Nobody a;
    index.wait(kChannel, "c");
    index.add(kChannel, "c", a);
    EXPECT_FALSE(index.answered(kChannel, "c", true));
    index.wait(kChannel, "c");
    EXPECT_FALSE(index.remove(kChannel, "c", a)) << "another has asked for it";
    EXPECT_TRUE(index.answered(kChannel, "c", true)) << "and has left before the answer";
}

TEST(SubscriptionIndex, ARefusedNameIsForgotten) {
    SubscriptionIndex index;
    index.wait(kChannel, "c");
    EXPECT_FALSE(index.answered(kChannel, "c", false)) << "the node has nothing to end";
    EXPECT_TRUE(index.empty());
}

TEST(SubscriptionIndex, AfterALossItKnowsWhatIsWanted) {
    SubscriptionIndex index;
    Nobody a;
    index.wait(kChannel, "c");
    index.add(kChannel, "c", a);
    EXPECT_FALSE(index.answered(kChannel, "c", true));
    index.wait(kChannel, "asked for only");
    index.lose();
    EXPECT_FALSE(index.active(kChannel, "c"));
    EXPECT_EQ(index.wanted(kChannel), std::vector<std::string>{"c"});
    EXPECT_EQ(index.size(), 1U);
    EXPECT_FALSE(index.remove(kChannel, "c", a)) << "the new link has no subscription to end";
}

}  // namespace
}  // namespace portal::upstream
