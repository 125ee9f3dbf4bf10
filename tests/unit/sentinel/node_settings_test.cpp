#include "sentinel/node_settings.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

using Due = std::vector<std::pair<std::string, std::string>>;

const SettingsWanted kFollow{true, {}};

TEST(NodeSettings, AReplicaIsToldWhatItsLeaderHasAndItDoesNot) {
    const Settings leader{{"notify-keyspace-events", "AKE"}, {"timeout", "0"}, {"maxmemory", "1"}};
    const Settings replica{{"notify-keyspace-events", ""}, {"timeout", "0"}, {"maxmemory", "2"}};
    const SettingsTold told;
    EXPECT_EQ(told.due(kFollow, replica, &leader), (Due{{"notify-keyspace-events", "AKE"}}));
    EXPECT_EQ(told.due(kFollow, replica, nullptr), Due{}) << "it leads itself";
    EXPECT_EQ(told.due({false, {}}, replica, &leader), Due{});
}

TEST(NodeSettings, WhatAnOlderServerDoesNotKnowItIsNotTold) {
    const Settings leader{{"latency-tracking", "yes"}, {"timeout", "5"}};
    const Settings replica{{"timeout", "5"}};
    EXPECT_EQ(SettingsTold().due(kFollow, replica, &leader), Due{});
    EXPECT_EQ(SettingsTold().due({false, {{"no-such-thing", "1"}}}, replica, nullptr), Due{});
}

TEST(NodeSettings, WhatIsAssertedHoldsOnTheLeaderTooAndComesBeforeWhatTheLeaderHas) {
    const SettingsWanted wanted{true, {{"timeout", "30"}}};
    const Settings has{{"timeout", "0"}};
    EXPECT_EQ(SettingsTold().due(wanted, has, nullptr), (Due{{"timeout", "30"}}));
    EXPECT_EQ(SettingsTold().due(wanted, {{"timeout", "30"}}, &has), Due{}) << "the leader is told at the same time";
    EXPECT_EQ(std::ranges::count(wanted.names(), "timeout"), 1);
}

TEST(NodeSettings, AValueThatTheNodeWritesInItsOwnWayIsToldOnce) {
    const SettingsWanted wanted{false, {{"maxmemory", "100mb"}}};
    SettingsTold told;
    EXPECT_EQ(told.due(wanted, {{"maxmemory", "0"}}, nullptr), (Due{{"maxmemory", "100mb"}}));
    told.accepted("maxmemory", "100mb", "104857600");
    EXPECT_EQ(told.due(wanted, {{"maxmemory", "104857600"}}, nullptr), Due{});
    EXPECT_EQ(told.due(wanted, {{"maxmemory", "7"}}, nullptr), (Due{{"maxmemory", "100mb"}})) << "somebody changed it";
    EXPECT_EQ(told.due({false, {{"maxmemory", "200mb"}}}, {{"maxmemory", "104857600"}}, nullptr),
              (Due{{"maxmemory", "200mb"}}));
}

TEST(NodeSettings, WhatIsRefusedIsNotToldAgainAndIsSaidIfItWasAsserted) {
    const SettingsWanted wanted{true, {{"maxmemory", "lots"}}};
    const Settings leader{{"timeout", "9"}};
    const Settings has{{"maxmemory", "0"}, {"timeout", "0"}};
    SettingsTold told;
    told.refused("maxmemory", "lots", "ERR argument must be a memory value");
    told.refused("timeout", "9", "NOPERM");
    EXPECT_EQ(told.due(wanted, has, &leader), Due{});
    EXPECT_EQ(told.refusal(wanted), "maxmemory: ERR argument must be a memory value");
    EXPECT_EQ(told.refusal({true, {{"maxmemory", "1gb"}}}), std::nullopt) << "another value is wanted now";
    EXPECT_EQ(told.refusal(kFollow), std::nullopt);
    told.forget();
    EXPECT_EQ(told.due(wanted, has, &leader).size(), 2U);
}

}  // namespace
}  // namespace portal::sentinel
