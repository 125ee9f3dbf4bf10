#include "command/maintenance.hpp"

#include "command/classifier.hpp"
#include "request_of.hpp"

#include <gtest/gtest.h>

namespace portal::command {
namespace {

MaintenanceRequest read(std::vector<std::string> words) {
    words.insert(words.begin(), {"client", "maint_notifications"});
    const RequestOf made(words);
    return read_maintenance(made);
}

TEST(Maintenance, EveryFormThatClientsSendIsRead) {
    EXPECT_EQ(read({"on", "moving-endpoint-type", "internal-fqdn"}).endpoint, MovingEndpoint::internal_fqdn)
        << "go-redis";
    EXPECT_EQ(read({"ON", "moving-endpoint-type", "internal-ip"}).endpoint, MovingEndpoint::internal_ip) << "redis-py";
    EXPECT_EQ(read({"ON", "MOVING-ENDPOINT-TYPE", "External-IP"}).endpoint, MovingEndpoint::external_ip);
    EXPECT_EQ(read({"ON", "moving-endpoint-type", "external-fqdn"}).endpoint, MovingEndpoint::external_fqdn);
    EXPECT_EQ(read({"ON", "moving-endpoint-type", "none"}).endpoint, MovingEndpoint::none);
    EXPECT_EQ(read({"ON"}).endpoint, MovingEndpoint::any) << "StackExchange.Redis";
    EXPECT_EQ(read({"OFF"}).endpoint, MovingEndpoint::not_asked);
    EXPECT_EQ(read({"OFF"}).error, "");
}

TEST(Maintenance, WhatIsNoneOfThemIsAnError) {
    for (const std::vector<std::string>& words : {std::vector<std::string>{"maybe"},
                                                  {"ON", "moving-endpoint-type"},
                                                  {"ON", "type", "none"},
                                                  {"OFF", "now"},
                                                  {"ON", "moving-endpoint-type", "none", "none"},
                                                  {"ON", "moving-endpoint-type", ""},
                                                  {"ON", "moving-endpoint-type", "ip"}}) {
        const MaintenanceRequest request = read(words);
        EXPECT_TRUE(request.error.starts_with("ERR ")) << words.front();
        EXPECT_EQ(request.endpoint, MovingEndpoint::not_asked);
    }
}

TEST(Maintenance, PushesHaveTheOnlyFormThatAllClientsRead) {
    EXPECT_EQ(failing_over(16), ">4\r\n$12\r\nFAILING_OVER\r\n:16\r\n:0\r\n$5\r\n[\"1\"]\r\n");
    EXPECT_EQ(failed_over(17), ">3\r\n$11\r\nFAILED_OVER\r\n:17\r\n$5\r\n[\"1\"]\r\n");
    EXPECT_EQ(moving(18, 5, "redis.example:6380"), ">4\r\n$6\r\nMOVING\r\n:18\r\n:5\r\n$18\r\nredis.example:6380\r\n");
    EXPECT_EQ(moving(19, 5, ""), ">4\r\n$6\r\nMOVING\r\n:19\r\n:5\r\n_\r\n");
}

TEST(Maintenance, AClientIsSentToTheNameThatItUsedItself) {
    const KnownEndpoints known{"shop.example", "portals.example", 6380, "10.0.0.1", 6379};
    EXPECT_EQ(move_to(MovingEndpoint::external_fqdn, known).address, "shop.example:6380");
    EXPECT_EQ(move_to(MovingEndpoint::any, known).address, "shop.example:6380");
    EXPECT_EQ(move_to(MovingEndpoint::internal_fqdn, {"", "portals.example", 6380, "", 0}).address,
              "portals.example:6380");
    EXPECT_EQ(move_to(MovingEndpoint::internal_fqdn, {"shop.example", "", 0, "10.0.0.1", 30379}).address,
              "shop.example:30379")
        << "the port of the load balancer, not of this portal";
    EXPECT_EQ(move_to(MovingEndpoint::internal_ip, known).address, "10.0.0.1:6379") << "the advertised one is a name";
    EXPECT_EQ(move_to(MovingEndpoint::external_ip, {"", "192.0.2.7", 6380, "10.0.0.1", 6379}).address,
              "192.0.2.7:6380");
}

TEST(Maintenance, OnlyWhoAskedForNoneIsToldOfNone) {
    const KnownEndpoints nothing;
    for (const auto wanted : {MovingEndpoint::any, MovingEndpoint::internal_ip, MovingEndpoint::internal_fqdn,
                              MovingEndpoint::external_ip, MovingEndpoint::external_fqdn, MovingEndpoint::not_asked}) {
        EXPECT_FALSE(move_to(wanted, nothing).told);
    }
    const MoveTo none = move_to(MovingEndpoint::none, {"shop.example", "portals.example", 6380, "", 0});
    EXPECT_TRUE(none.told);
    EXPECT_EQ(none.address, "");
}

/// node-redis and Lettuce split at the first colon; a name comes from the peer.
TEST(Maintenance, NoAddressIsSentThatAClientCannotTakeApart) {
    EXPECT_FALSE(move_to(MovingEndpoint::external_ip, {"", "2001:db8::1", 6380, "2001:db8::2", 6380}).told);
    EXPECT_FALSE(move_to(MovingEndpoint::external_fqdn, {"", "2001:db8::1", 6380, "", 0}).told);
    EXPECT_EQ(move_to(MovingEndpoint::external_fqdn, {"a\r\n$1", "portals.example", 6380, "", 0}).address,
              "portals.example:6380");
    EXPECT_EQ(move_to(MovingEndpoint::external_fqdn, {std::string(300, 'a'), "portals.example", 6380, "", 0}).address,
              "portals.example:6380");
    EXPECT_FALSE(move_to(MovingEndpoint::external_fqdn, {"shop.example", "", 0, "", 0}).told)
        << "the port is not known";
}

TEST(Maintenance, ItIsACommandOfThePortalsOwn) {
    const RequestOf made({"client", "maint_notifications", "on"});
    const CommandRow& row = classify(made);
    EXPECT_EQ(row.handling, Handling::client_maintenance);
    EXPECT_EQ(row.affinity, Affinity::local);
}

}  // namespace
}  // namespace portal::command
