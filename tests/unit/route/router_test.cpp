#include "route/router.hpp"

#include "command/classifier.hpp"
#include "resp/reply_writer.hpp"

#include <gtest/gtest.h>

namespace portal::route {
namespace {

using command::TransactionPhase;

template <typename... Words>
Destination routed(const Client& client, bool forwarding, const Words&... words) {
    std::string frame;
    resp::write_request(frame, words...);
    const resp::RequestView request(frame);
    const command::CommandRow& row = command::classify(request);
    return route(row, command::may_block(row, request), client, forwarding);
}

TEST(Router, OrdinaryCommandsShareALink) {
    EXPECT_EQ(routed(Client{}, true, "GET", "k"), Destination::shared);
    EXPECT_EQ(routed(Client{}, true, "SET", "k", "v"), Destination::shared);
    EXPECT_EQ(routed(Client{}, true, "PING"), Destination::shared);
}

TEST(Router, CommandsThatKeepStateOrBlockGetALinkOfTheirOwn) {
    for (const char* name : {"MULTI", "MONITOR", "BLPOP", "WAIT", "NO.SUCH.COMMAND"}) {
        EXPECT_EQ(routed(Client{}, true, name, "x", "1"), Destination::pinned) << name;
    }
}

TEST(Router, XreadNeedsItsOwnLinkOnlyWhenItBlocks) {
    EXPECT_EQ(routed(Client{}, true, "XREAD", "STREAMS", "s", "0"), Destination::shared);
    EXPECT_EQ(routed(Client{}, true, "XREAD", "BLOCK", "0", "STREAMS", "s", "0"), Destination::pinned);
}

TEST(Router, WithoutALeaderEverythingForTheNodeIsHeldAndTheRestIsAnswered) {
    EXPECT_EQ(routed(Client{}, false, "GET", "k"), Destination::hold);
    EXPECT_EQ(routed(Client{}, false, "BLPOP", "k", "0"), Destination::hold);
    EXPECT_EQ(routed(Client{}, false, "CLIENT", "ID"), Destination::local);
    EXPECT_EQ(routed(Client{}, false, "QUIT"), Destination::local);
}

TEST(Router, InsideATransactionEverythingGoesToItsLink) {
    Client client;
    client.transaction = TransactionPhase::open;
    EXPECT_EQ(routed(client, true, "GET", "k"), Destination::pinned);
    EXPECT_EQ(routed(client, true, "SELECT", "1"), Destination::pinned);
    EXPECT_EQ(routed(client, true, "CLIENT", "ID"), Destination::pinned);
    EXPECT_EQ(routed(client, true, "SUBSCRIBE", "c"), Destination::pinned);
    EXPECT_EQ(routed(client, false, "UNSUBSCRIBE"), Destination::hold);
    EXPECT_EQ(routed(client, true, "RESET"), Destination::local);
}

TEST(Router, ABrokenTransactionIsAnsweredByThePortal) {
    Client client;
    client.transaction = TransactionPhase::broken;
    EXPECT_EQ(routed(client, false, "SET", "k", "v"), Destination::local);
    EXPECT_EQ(routed(client, true, "EXEC"), Destination::local);
}

TEST(Router, AWatchingSessionStaysOnItsLink) {
    Client client;
    client.needs_link = true;
    EXPECT_EQ(routed(client, true, "GET", "k"), Destination::pinned);
    EXPECT_EQ(routed(client, true, "CLIENT", "GETNAME"), Destination::local);
}

TEST(Router, SubscriptionsGoToTheFeedAndEndWithoutALeader) {
    const Client client;
    EXPECT_EQ(routed(client, true, "SUBSCRIBE", "c"), Destination::feed);
    EXPECT_EQ(routed(client, false, "SUBSCRIBE", "c"), Destination::hold);
    EXPECT_EQ(routed(client, false, "PUNSUBSCRIBE"), Destination::feed);
    EXPECT_EQ(routed(client, true, "PUBLISH", "c", "m"), Destination::shared);
}

TEST(Router, APingOfARespTwoSubscriberIsAnsweredByThePortal) {
    Client client;
    EXPECT_EQ(routed(client, true, "PING"), Destination::shared);
    client.resp2_subscriber = true;
    EXPECT_EQ(routed(client, true, "PING"), Destination::local);
    EXPECT_EQ(routed(client, false, "PING"), Destination::local);
    client.resp2_subscriber = false;
    EXPECT_EQ(routed(client, true, "PING"), Destination::shared);
}

}  // namespace
}  // namespace portal::route
