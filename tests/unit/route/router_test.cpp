#include "route/router.hpp"

#include "command/classifier.hpp"
#include "resp/reply_writer.hpp"

#include <gtest/gtest.h>

namespace portal::route {
namespace {

using command::SessionState;
using command::Transaction;

template <typename... Words>
Destination routed(const SessionState& state, bool forwarding, const Words&... words) {
    std::string frame;
    resp::write_request(frame, words...);
    const resp::RequestView request(frame);
    const command::CommandRow& row = command::classify(request);
    return route(row, command::may_block(row, request), state, forwarding);
}

TEST(Router, OrdinaryCommandsShareALink) {
    EXPECT_EQ(routed(SessionState{}, true, "GET", "k"), Destination::shared);
    EXPECT_EQ(routed(SessionState{}, true, "SET", "k", "v"), Destination::shared);
    EXPECT_EQ(routed(SessionState{}, true, "PING"), Destination::shared);
}

TEST(Router, CommandsThatKeepStateOrBlockGetALinkOfTheirOwn) {
    for (const char* name : {"MULTI", "MONITOR", "BLPOP", "WAIT", "NO.SUCH.COMMAND"}) {
        EXPECT_EQ(routed(SessionState{}, true, name, "x", "1"), Destination::pinned) << name;
    }
}

TEST(Router, XreadNeedsItsOwnLinkOnlyWhenItBlocks) {
    EXPECT_EQ(routed(SessionState{}, true, "XREAD", "STREAMS", "s", "0"), Destination::shared);
    EXPECT_EQ(routed(SessionState{}, true, "XREAD", "BLOCK", "0", "STREAMS", "s", "0"), Destination::pinned);
}

TEST(Router, WithoutALeaderEverythingForTheNodeIsHeldAndTheRestIsAnswered) {
    EXPECT_EQ(routed(SessionState{}, false, "GET", "k"), Destination::hold);
    EXPECT_EQ(routed(SessionState{}, false, "BLPOP", "k", "0"), Destination::hold);
    EXPECT_EQ(routed(SessionState{}, false, "CLIENT", "ID"), Destination::local);
    EXPECT_EQ(routed(SessionState{}, false, "QUIT"), Destination::local);
}

TEST(Router, InsideATransactionEverythingGoesToItsLink) {
    SessionState state;
    state.transaction = Transaction::open;
    EXPECT_EQ(routed(state, true, "GET", "k"), Destination::pinned);
    EXPECT_EQ(routed(state, true, "SELECT", "1"), Destination::pinned);
    EXPECT_EQ(routed(state, true, "CLIENT", "ID"), Destination::pinned);
    EXPECT_EQ(routed(state, true, "SUBSCRIBE", "c"), Destination::pinned);
    EXPECT_EQ(routed(state, false, "UNSUBSCRIBE"), Destination::hold);
    EXPECT_EQ(routed(state, true, "RESET"), Destination::local);
}

TEST(Router, ABrokenTransactionIsAnsweredByThePortal) {
    SessionState state;
    state.transaction = Transaction::broken;
    EXPECT_EQ(routed(state, false, "SET", "k", "v"), Destination::local);
    EXPECT_EQ(routed(state, true, "EXEC"), Destination::local);
}

TEST(Router, AWatchingSessionStaysOnItsLink) {
    SessionState state;
    state.watching = true;
    EXPECT_EQ(routed(state, true, "GET", "k"), Destination::pinned);
    EXPECT_EQ(routed(state, true, "CLIENT", "GETNAME"), Destination::local);
}

TEST(Router, SubscriptionsGoToTheFeedAndEndWithoutALeader) {
    const SessionState state;
    EXPECT_EQ(routed(state, true, "SUBSCRIBE", "c"), Destination::feed);
    EXPECT_EQ(routed(state, false, "SUBSCRIBE", "c"), Destination::hold);
    EXPECT_EQ(routed(state, false, "PUNSUBSCRIBE"), Destination::feed);
    EXPECT_EQ(routed(state, true, "PUBLISH", "c", "m"), Destination::shared);
}

TEST(Router, APingOfARespTwoSubscriberIsAnsweredByThePortal) {
    SessionState state;
    EXPECT_EQ(routed(state, true, "PING"), Destination::shared);
    state.listens = true;
    EXPECT_EQ(routed(state, true, "PING"), Destination::local);
    EXPECT_EQ(routed(state, false, "PING"), Destination::local);
    state.protocol = resp::Protocol::resp3;
    EXPECT_EQ(routed(state, true, "PING"), Destination::shared);
}

}  // namespace
}  // namespace portal::route
