#include "conversation/large_rules.hpp"

#include "script.hpp"

#include <gtest/gtest.h>

namespace portal::conversation {
namespace {

using route::Destination;
using script::row_of;

TEST(LargeRules, ARequestIsJudgedOnceItsNameMustBeThere) {
    EXPECT_FALSE(shows_that_it_is_large(16 * 1024 - 1, 1024 * 1024)) << "the name may still go on";
    EXPECT_TRUE(shows_that_it_is_large(16 * 1024, 240 * 1024));
    EXPECT_FALSE(shows_that_it_is_large(16 * 1024, 240 * 1024 - 1)) << "it is not large";
    EXPECT_TRUE(shows_that_it_is_large(kLargeRequest, 0));
    EXPECT_FALSE(shows_that_it_is_large(kLargeRequest - 1, 0));
}

TEST(LargeRules, WhatChangesTheClientIsGatheredHoweverLarge) {
    for (const char* line : {"AUTH u p", "HELLO 3", "SELECT 1", "MULTI", "EXEC", "DISCARD", "WATCH k", "SUBSCRIBE c",
                             "UNSUBSCRIBE c", "CLIENT TRACKING ON", "MONITOR", "SCRIPT DEBUG YES", "RESET", "QUIT"}) {
        EXPECT_FALSE(passes_as_it_comes(row_of(line), false)) << line;
    }
    for (const char* line :
         {"SET k v", "GET k", "MSET a b", "EVAL x 0", "BLPOP k 0", "PUBLISH c m", "NOSUCH x", "PING x"}) {
        EXPECT_TRUE(passes_as_it_comes(row_of(line), false)) << line;
    }
}

TEST(LargeRules, ThePingOfASubscriberIsAnsweredByThePortal) {
    EXPECT_FALSE(passes_as_it_comes(row_of("PING x"), true));
    EXPECT_TRUE(passes_as_it_comes(row_of("SET k v"), true)) << "it is refused elsewhere";
}

TEST(LargeRules, ItIsForwardedWhereNothingStandsInTheWay) {
    for (const Destination destination : {Destination::shared, Destination::pinned}) {
        EXPECT_EQ(next_step(destination, {}), LargeStep::forward);
    }
    EXPECT_EQ(next_step(Destination::local, {.idle = false, .has_link = false}), LargeStep::answer);
}

TEST(LargeRules, EachThingThatStandsInTheWayIsWaitedForInItsOrder) {
    LargeFacts facts{.idle = false, .own_owes = true, .has_link = false, .refusing = false, .awaits_proof = true};
    EXPECT_EQ(next_step(Destination::shared, facts), LargeStep::drain);
    facts.idle = true;
    EXPECT_EQ(next_step(Destination::shared, facts), LargeStep::await_link);
    facts.own_owes = false;
    EXPECT_EQ(next_step(Destination::shared, facts), LargeStep::hold);
    facts.has_link = true;
    EXPECT_EQ(next_step(Destination::shared, facts), LargeStep::await_proof);
    facts.awaits_proof = false;
    EXPECT_EQ(next_step(Destination::shared, facts), LargeStep::forward);
}

TEST(LargeRules, WhereTheWaitIsOverItIsRefusedAndNeverForwarded) {
    EXPECT_EQ(next_step(Destination::hold, {.refusing = true}), LargeStep::refuse);
    EXPECT_EQ(next_step(Destination::pinned, {.has_link = false, .refusing = true}), LargeStep::refuse);
    EXPECT_EQ(next_step(Destination::hold, {.idle = false}), LargeStep::hold)
        << "without a leader nothing that was sent before is waited for";
    EXPECT_EQ(next_step(Destination::pinned, {.refusing = true, .awaits_proof = true}), LargeStep::await_proof);
}

}  // namespace
}  // namespace portal::conversation
