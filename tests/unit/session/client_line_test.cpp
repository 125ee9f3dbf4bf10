#include "session/client_line.hpp"

#include <gtest/gtest.h>

namespace portal::session {
namespace {

TEST(ClientLine, HasTheFieldsOfRedisThenThoseOfTheLibraryAndOfTls) {
    ClientLine line;
    line.id = 7;
    line.address = "10.0.0.1:5000";
    line.local_address = "[::1]:6379";
    line.descriptor = 9;
    line.name = "app";
    line.age = 60;
    line.idle = 2;
    line.flags = "N";
    line.database = 3;
    line.command = "client|list";
    line.username = "ann";
    line.protocol = resp::Protocol::resp3;
    line.library_name = "lib";
    line.library_version = "1.0";
    line.watched = 2;
    line.shard = 1;
    line.received_bytes = 300;
    line.sent_bytes = 4000;
    line.commands = 12;
    line.tls_version = "TLSv1.3";
    line.tls_cipher = "TLS_AES_128_GCM_SHA256";
    std::string out;
    write_client_line(out, line);
    EXPECT_EQ(
        out,
        "id=7 addr=10.0.0.1:5000 laddr=[::1]:6379 fd=9 name=app age=60 idle=2 flags=N db=3 sub=0 psub=0 ssub=0 "
        "multi=-1 watch=2 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r "
        "cmd=client|list user=ann redir=-1 resp=3 lib-name=lib lib-ver=1.0 io-thread=1 tot-net-in=300 tot-net-out=4000 "
        "tot-cmds=12 tls=TLSv1.3 "
        "cipher=TLS_AES_128_GCM_SHA256\n");
}

TEST(ClientLine, SaysNullForAClientThatHasSentNothing) {
    std::string out;
    write_client_line(out, ClientLine{});
    EXPECT_NE(out.find(" cmd=NULL "), std::string::npos);
}

TEST(ClientLine, AClientWithAnySubscriptionIsOfTypePubsub) {
    ClientLine line;
    EXPECT_EQ(line.type(), ClientType::normal);
    line.shard_channels = 1;
    EXPECT_EQ(line.type(), ClientType::pubsub);
    line.replicates = true;
    EXPECT_EQ(line.type(), ClientType::replica);
}

TEST(ClientLine, TypesHaveTheNamesThatRedisKnows) {
    EXPECT_EQ(to_client_type("Normal"), ClientType::normal);
    EXPECT_EQ(to_client_type("slave"), ClientType::replica);
    EXPECT_EQ(to_client_type("REPLICA"), ClientType::replica);
    EXPECT_EQ(to_client_type("pubsub"), ClientType::pubsub);
    EXPECT_EQ(to_client_type("master"), ClientType::master);
    EXPECT_EQ(to_client_type("leader"), std::nullopt);
}

}  // namespace
}  // namespace portal::session
