#include "replication/info_parser.hpp"

#include <gtest/gtest.h>

namespace portal::replication {
namespace {

constexpr std::string_view kLeader =
    "# Server\r\nredis_version:7.0.15\r\nrun_id:f2f859ff66f9321223a2e16aac059c296dcd5846\r\n\r\n"
    "# Persistence\r\nloading:0\r\nasync_loading:0\r\n\r\n"
    "# Replication\r\nrole:master\r\nconnected_slaves:2\r\n"
    "slave0:ip=127.0.0.1,port=27002,state=wait_bgsave,offset=0,lag=0\r\n"
    "slave1:ip=10.0.0.7,port=6379,state=online,offset=12345,lag=1\r\n"
    "master_failover_state:no-failover\r\nmaster_replid:845ae714a3d671d6dee30bbe43718fd0166547b8\r\n"
    "master_replid2:0000000000000000000000000000000000000000\r\nmaster_repl_offset:12345\r\nsecond_repl_offset:-"
    "1\r\n\r\n"
    "# Keyspace\r\ndb0:keys=5,expires=1,avg_ttl=0\r\ndb12:keys=7,expires=0,avg_ttl=0\r\n";

constexpr std::string_view kReplica =
    "# Replication\r\nrole:slave\r\nmaster_host:redis-0.redis\r\nmaster_port:6379\r\nmaster_link_status:up\r\n"
    "master_last_io_seconds_ago:3\r\nmaster_sync_in_progress:1\r\nslave_read_repl_offset:901\r\nslave_repl_offset:"
    "900\r\n"
    "slave_priority:25\r\nconnected_slaves:0\r\nmaster_replid:aaaa\r\nmaster_replid2:bbbb\r\nmaster_repl_offset:900\r\n"
    "second_repl_offset:500\r\n";

TEST(InfoParser, knows_cluster_mode) {
    EXPECT_FALSE(parse_info("redis_mode:standalone\r\nrole:master\r\n")->cluster);
    EXPECT_TRUE(parse_info("redis_mode:cluster\r\nrole:master\r\n")->cluster);
}

TEST(InfoParser, names_the_modules) {
    const auto report = parse_info(
        "role:master\r\n# "
        "Modules\r\nmodule:name=search,ver=80405,api=1,filters=0,usedby=[],using=[ReJSON],options=[]\r\n"
        "module:name=ReJSON,ver=80201,api=1,filters=0,usedby=[search],using=[],options=[handle-io-errors]\r\nmodule:"
        "\r\n");
    EXPECT_EQ(report->modules, (std::vector<std::string>{"search", "ReJSON"}));
    std::string many = "role:master\r\n";
    for (int i = 0; i < 100'000; ++i) {
        many += "module:name=m,ver=1\r\n";
    }
    EXPECT_LE(parse_info(many)->modules.size(), 64U) << "a node may say anything";
}

TEST(InfoParser, reads_a_leader_with_its_replicas) {
    const auto report = parse_info(kLeader);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->role, Role::leader);
    EXPECT_EQ(report->run_id, "f2f859ff66f9321223a2e16aac059c296dcd5846");
    EXPECT_EQ(report->version, "7.0.15");
    EXPECT_FALSE(report->loading);
    EXPECT_EQ(report->offset, 12345U);
    EXPECT_EQ(report->former_replid, "") << "a history of zeros is none";
    EXPECT_EQ(report->former_offset, -1);
    ASSERT_EQ(report->replicas.size(), 2U);
    EXPECT_EQ(report->replicas[0], (ConnectedReplica{{"127.0.0.1", 27002}, "wait_bgsave", 0, 0}));
    EXPECT_EQ(report->replicas[1], (ConnectedReplica{{"10.0.0.7", 6379}, "online", 12345, 1}));
}

TEST(InfoParser, adds_the_keys_of_all_databases) {
    EXPECT_EQ(parse_info(kLeader)->keys, 12U);
}

TEST(InfoParser, reads_a_replica_and_its_link) {
    const auto report = parse_info(kReplica);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->role, Role::replica);
    EXPECT_EQ(report->leader, (Endpoint{"redis-0.redis", 6379}));
    EXPECT_TRUE(report->link_up);
    EXPECT_EQ(report->leader_heard_seconds_ago, 3);
    EXPECT_TRUE(report->sync_in_progress);
    EXPECT_EQ(report->priority, 25U);
    EXPECT_EQ(report->offset, 900U);
    EXPECT_EQ(report->former_replid, "bbbb");
    EXPECT_EQ(report->former_offset, 500);
}

TEST(InfoParser, takes_bare_line_feeds_too) {
    const auto report = parse_info("role:master\nmaster_repl_offset:8\n");
    ASSERT_TRUE(report);
    EXPECT_EQ(report->offset, 8U);
}

TEST(InfoParser, keeps_the_colons_of_a_version_6_address) {
    EXPECT_EQ(parse_info("role:slave\r\nmaster_host:fd00::12\r\n")->leader.host, "fd00::12");
}

TEST(InfoParser, says_nothing_of_a_text_without_a_role) {
    EXPECT_FALSE(parse_info(""));
    EXPECT_FALSE(parse_info("# Server\r\nrun_id:x\r\n"));
    EXPECT_FALSE(parse_info("role:sentinel\r\n"));
    EXPECT_FALSE(parse_info("\r\n:::\r\nrole\r\n"));
}

TEST(InfoParser, takes_damaged_numbers_for_missing) {
    const auto report = parse_info(
        "role:master\r\nmaster_repl_offset:12x\r\nmaster_port:99999999\r\nslave0:ip=1,port=-5,lag=\r\n"
        "db0:keys=\r\n");
    ASSERT_TRUE(report);
    EXPECT_EQ(report->offset, 0U);
    EXPECT_EQ(report->leader.port, 0);
    ASSERT_EQ(report->replicas.size(), 1U);
    EXPECT_EQ(report->replicas[0].lag, -1);
    EXPECT_EQ(report->keys, 0U);
}

TEST(InfoParser, survives_every_prefix_of_a_real_text) {
    for (std::size_t length = 0; length <= kLeader.size(); ++length) {
        const auto report = parse_info(kLeader.substr(0, length));
        EXPECT_TRUE(!report || report->role == Role::leader);
    }
}

TEST(InfoParser, knows_whether_a_history_is_continued) {
    const auto report = *parse_info(kReplica);
    EXPECT_TRUE(descends_from(report, "aaaa"));
    EXPECT_TRUE(descends_from(report, "bbbb"));
    EXPECT_FALSE(descends_from(report, "cccc"));
    EXPECT_FALSE(descends_from(report, "")) << "no history is not a common one";
}

}  // namespace
}  // namespace portal::replication
