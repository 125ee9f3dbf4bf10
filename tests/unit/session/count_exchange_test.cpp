#include "session/count_peers.hpp"

#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace portal::session {
namespace {

using namespace std::chrono_literals;

PortalId id(char c) {
    return PortalId(kPortalId, c);
}

CountMessage full_message() {
    return {id('a'), 7, true, true, {id('b'), id('c')}, {{std::string("0n\0c", 4), 3}, {"1n", 0}, {"", 4294967295U}}};
}

TEST(CountMessage, ComesBackAsItWasSealed) {
    const CountKey key = count_key("secret");
    EXPECT_EQ(unseal(seal(full_message(), key), key), full_message());
    EXPECT_EQ(unseal(seal({id('a')}, key), key), CountMessage{id('a')});
}

TEST(CountMessage, OfAnotherKeyOrWithOneBitChangedOrCutIsNotBelieved) {
    const CountKey key = count_key("secret");
    const std::string sealed = seal(full_message(), key);
    EXPECT_FALSE(unseal(sealed, count_key("secres")));
    EXPECT_FALSE(unseal(sealed, count_key("")));
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        std::string changed = sealed;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        EXPECT_FALSE(unseal(changed, key)) << i;
        EXPECT_FALSE(unseal(sealed.substr(0, i), key)) << i;
    }
    EXPECT_FALSE(unseal(sealed + "x", key));
}

/// Where there is no password, anybody can seal.
TEST(CountMessage, WhateverIsSealedIsReadWithinItsBounds) {
    const CountKey key = count_key("");
    std::mt19937 random(1);  // NOLINT(cert-msc51-cpp)
    const std::string sealed = seal(full_message(), key);
    CountMessage many{id('a')};
    many.changes.resize(kMostChanges + 1);
    EXPECT_FALSE(unseal(seal(many, key), key));
    many.changes.clear();
    many.heard.resize(kMostHeard + 1, id('h'));
    EXPECT_FALSE(unseal(seal(many, key), key));
    many.heard.clear();
    many.changes.push_back({std::string(5000, 'x'), 1});
    EXPECT_FALSE(unseal(seal(many, key), key));
    CountMessage short_id{"short"};
    EXPECT_FALSE(unseal(seal(short_id, key), key));
}

class CountPeersTest : public ::testing::Test {
  protected:
    CountPeersTest()
        : peers_(id('m'), {.changed =
                               [this](const PortalId& sender, bool whole, std::vector<CountChange>& changes) {
                                   if (whole) {
                                       has_[sender].clear();
                                   }
                                   for (const CountChange& each : changes) {
                                       has_[sender][each.name] = each.surplus;
                                   }
                               },
                           .gone = [this](const PortalId& sender) { return has_.erase(sender) > 0; }}) {}

    void say(char sender, std::uint64_t sequence, std::vector<CountChange> changes, bool whole = false,
             std::vector<PortalId> heard = {id('m')}, bool asks = false) {
        peers_.take({id(sender), sequence, asks, whole, std::move(heard), std::move(changes)}, now_);
    }
    std::uint32_t of(char sender, const std::string& name) { return has_[id(sender)][name]; }

    CountPeers::Time now_ = CountPeers::Time{} + 1h;
    std::map<PortalId, std::map<std::string, std::uint32_t>> has_;
    CountPeers peers_;
};

TEST_F(CountPeersTest, ANewPortalIsHeardOnceItKnowsThisOne) {
    say('a', 1, {{"c", 5}}, true, {});
    EXPECT_EQ(of('a', "c"), 0U) << "it may have been recorded before this process began";
    EXPECT_TRUE(peers_.take_answer_due(now_)) << "what this one says next names it";
    EXPECT_EQ(peers_.heard(), std::vector{id('a')});
    EXPECT_TRUE(peers_.take_ask_due(now_));
    say('a', 2, {{"c", 5}}, true);
    EXPECT_EQ(of('a', "c"), 5U);
    say('a', 3, {{"c", 6}, {"d", 1}});
    EXPECT_EQ(of('a', "c"), 6U);
    EXPECT_FALSE(peers_.owes());
}

TEST_F(CountPeersTest, WhatWasSaidBeforeSaysNothingAgain) {
    say('a', 1, {{"c", 5}}, true);
    say('a', 2, {{"c", 0}});
    say('a', 1, {{"c", 5}}, true);
    say('a', 2, {{"c", 9}});
    EXPECT_EQ(of('a', "c"), 0U);
    now_ += 1h;
    peers_.tick(now_);
    say('a', 1, {{"c", 5}}, true);
    EXPECT_EQ(of('a', "c"), 0U) << "nor of a portal that is long gone";
}

TEST_F(CountPeersTest, AGapMakesItAskAndBelieveNothingUntilAllIsSaid) {
    say('a', 1, {{"c", 5}}, true);
    say('a', 3, {{"c", 7}});
    EXPECT_EQ(of('a', "c"), 5U);
    EXPECT_TRUE(peers_.take_ask_due(now_));
    say('a', 4, {{"c", 8}});
    EXPECT_EQ(of('a', "c"), 5U);
    EXPECT_FALSE(peers_.take_ask_due(now_)) << "it has just asked";
    say('a', 5, {{"d", 1}}, true);
    EXPECT_EQ(of('a', "c"), 0U);
    EXPECT_EQ(of('a', "d"), 1U);
}

TEST_F(CountPeersTest, WhoIsNotHeardForTwoSecondsCountsNoMore) {
    say('a', 1, {{"c", 5}}, true);
    say('b', 1, {{"c", 2}}, true);
    now_ += 1500ms;
    say('a', 2, {});
    now_ += 1000ms;
    peers_.tick(now_);
    EXPECT_EQ(of('a', "c"), 5U);
    EXPECT_EQ(of('b', "c"), 0U);
    say('b', 2, {{"d", 1}});
    EXPECT_EQ(of('b', "d"), 0U) << "that is not all that it has";
    EXPECT_TRUE(peers_.take_ask_due(now_));
}

TEST_F(CountPeersTest, QuestionsAndAnswersAreBoundedInTime) {
    for (std::uint64_t i = 1; i <= 100; ++i) {
        say('a', i, {}, true, {id('m')}, true);
    }
    EXPECT_TRUE(peers_.take_answer_due(now_));
    say('a', 101, {}, true, {id('m')}, true);
    EXPECT_FALSE(peers_.take_answer_due(now_));
    EXPECT_TRUE(peers_.owes());
    now_ += CountPeers::kAnswerEvery;
    EXPECT_TRUE(peers_.take_answer_due(now_));
}

TEST_F(CountPeersTest, ManyPortalsArePartlyForgottenAndNeverMoreThanAMessageNames) {
    for (int i = 0; i < 1000; ++i) {
        PortalId each = id('x');
        each.replace(0, 4, std::to_string(1000 + i));
        peers_.take({each, 1, false, true, {id('m')}, {{"c", 1}}}, now_);
        now_ += 1ms;
    }
    EXPECT_EQ(peers_.heard().size(), kMostHeard);
    EXPECT_EQ(has_.size(), kMostHeard);
    peers_.take({id('m'), 99, true, true, {id('m')}, {{"c", 1}}}, now_);
    EXPECT_EQ(has_.count(id('m')), 0U) << "its own words say nothing to it";
}

}  // namespace
}  // namespace portal::session
