#include "net/keepalive.hpp"

#include <gtest/gtest.h>

namespace portal::net {
namespace {

using namespace std::chrono_literals;

/// When the kernel ends a connection that has fallen silent.
std::chrono::seconds end_of(const Keepalive& how) {
    return how.idle + how.probes * how.interval;
}

TEST(KeepaliveTest, ClientsAreProbedAsRedisServerProbesThem) {
    const Keepalive how = Keepalive::of_clients(300s, 60s);
    EXPECT_EQ(how.idle, 300s);
    EXPECT_EQ(how.interval, 100s);
    EXPECT_EQ(how.probes, 3);
    EXPECT_EQ(how.unacknowledged, 600s);
}

TEST(KeepaliveTest, TheShortestTimeStillHasWholeSeconds) {
    const Keepalive how = Keepalive::of_clients(1s, 100ms);
    EXPECT_EQ(how.idle, 1s);
    EXPECT_EQ(how.interval, 1s);
    EXPECT_EQ(Keepalive::of_clients(1500ms, 100ms).idle, 1s);
}

TEST(KeepaliveTest, AClientThatDoesNotReadHasTheTimeThatItIsGiven) {
    EXPECT_EQ(Keepalive::of_clients(2s, 60s).unacknowledged, 0ms);
    EXPECT_EQ(Keepalive::of_clients(30s, 60s).unacknowledged, 60s);
}

TEST(KeepaliveTest, WithoutATimeNothingIsSet) {
    EXPECT_EQ(Keepalive::of_clients(0ms, 60s).idle, 0s);
}

TEST(KeepaliveTest, LinksEndInSecondsAndNeverBeforeTheMonitorCanHaveJudged) {
    EXPECT_EQ(Keepalive::of_links(1s).unacknowledged, 10s);
    EXPECT_EQ(Keepalive::of_links(50ms).unacknowledged, 10s);
    EXPECT_EQ(Keepalive::of_links(20s).unacknowledged, 60s);
}

TEST(KeepaliveTest, AllProbesOfALinkGoOutBeforeItEnds) {
    for (const std::chrono::milliseconds down_after : {50ms, 1000ms, 3333ms, 7777ms, 600'000ms}) {
        const Keepalive how = Keepalive::of_links(down_after);
        EXPECT_GE(how.interval, 1s) << down_after.count();
        EXPECT_LE(end_of(how), how.unacknowledged) << down_after.count();
        EXPECT_GE(how.idle + (how.probes - 1) * how.interval, how.unacknowledged * 8 / 10) << down_after.count();
    }
}

}  // namespace
}  // namespace portal::net
