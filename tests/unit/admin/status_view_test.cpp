#include "admin/status_view.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace portal::admin {
namespace {

StatusView read(std::string_view text) {
    return read_status(boost::json::parse(text).as_object());
}

TEST(StatusView, ReadsEveryMember) {
    const auto view = read(R"({
        "name": "portal-0", "version": "0.1.0", "state": "ready", "reason": "redis-0 leads", "why": ["one", 2],
        "uptime_seconds": 61,
        "topology": {"epoch": 7, "leader": "redis-0", "acting": "portal-1", "acting_here": true,
                     "nodes": [{"name": "redis-0", "address": "127.0.0.1:6390", "health": "up", "role": "leader", "offset": 100},
                               {"name": "redis-1", "address": "127.0.0.1:6391", "health": "down", "role": "replica",
                                "offset": 90, "lag_bytes": 10, "link_up": false}]},
        "sessions": {"current": 3, "limit": 100, "accepted": 9}, "links": {"shared": 2, "pinned": 1},
        "last_failover": {"from": "redis-1", "milliseconds": 812, "planned": false, "ratio": 0.5, "error": null},
        "certificates": [{"listener": "0.0.0.0:6380", "not_after": "2027-01-01T00:00:00Z", "days_left": 89.7}]})");
    EXPECT_EQ(view.name, "portal-0");
    EXPECT_EQ(view.state, "ready");
    EXPECT_EQ(view.why, (std::vector<std::string>{"one", "2"}));
    EXPECT_EQ(view.uptime_seconds, 61);
    EXPECT_EQ(view.epoch, 7);
    EXPECT_EQ(view.leader, "redis-0");
    EXPECT_EQ(view.acting, "portal-1");
    EXPECT_TRUE(view.acting_here);
    ASSERT_EQ(view.nodes.size(), 2U);
    EXPECT_EQ(view.nodes[0].link_up, std::nullopt);
    EXPECT_EQ(view.nodes[1].health, "down");
    EXPECT_EQ(view.nodes[1].lag_bytes, 10);
    EXPECT_EQ(view.nodes[1].link_up, false);
    EXPECT_EQ(view.sessions_limit, 100);
    EXPECT_EQ(view.links_pinned, 1);
    const std::vector<std::pair<std::string, std::string>> failover{
        {"from", "redis-1"}, {"milliseconds", "812"}, {"planned", "false"}, {"ratio", "0.5"}, {"error", ""}};
    EXPECT_EQ(view.last_failover, failover);
    ASSERT_EQ(view.certificates.size(), 1U);
    EXPECT_EQ(view.certificates[0].days_left, 89);
}

TEST(StatusView, IsEmptyWhereMembersAreMissing) {
    const auto view = read("{}");
    EXPECT_EQ(view.name, "");
    EXPECT_EQ(view.epoch, std::nullopt);
    EXPECT_TRUE(view.nodes.empty());
    EXPECT_TRUE(view.last_failover.empty());
}

TEST(StatusView, IsEmptyWhereMembersHaveAnotherType) {
    const auto view = read(R"({"name": 5, "uptime_seconds": "long", "topology": [1], "sessions": null, "links": "x",
                               "last_failover": 3, "certificates": [1, null, {"days_left": 1e300}]})");
    EXPECT_EQ(view.name, "");
    EXPECT_EQ(view.uptime_seconds, std::nullopt);
    EXPECT_EQ(view.leader, "");
    EXPECT_EQ(view.sessions, std::nullopt);
    ASSERT_EQ(view.certificates.size(), 1U);
    EXPECT_EQ(view.certificates[0].days_left, std::nullopt);
}

TEST(StatusView, SpeaksDurationsInTheirTwoBiggestUnits) {
    EXPECT_EQ(spoken_duration(0), "0s");
    EXPECT_EQ(spoken_duration(59), "59s");
    EXPECT_EQ(spoken_duration(67), "1m 7s");
    EXPECT_EQ(spoken_duration(7500), "2h 5m");
    EXPECT_EQ(spoken_duration(273'600), "3d 4h");
}

}  // namespace
}  // namespace portal::admin
