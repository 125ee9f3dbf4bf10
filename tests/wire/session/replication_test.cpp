// Replicas behind a portal (commands.replication): SYNC, PSYNC and REPLCONF, and what must never come of them.
#include "portal_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace portal::testing {
namespace {

using namespace std::chrono_literals;
using Words = std::vector<std::string>;

/// A stream without a disk: the data stand between two marks of 40 bytes, and hold what would end a reply.
const std::string kMark(40, 'e');
const std::string kData = std::string("REDIS0011\xff\0$5\r\n-ERR no error\r\n>2\r\n", 32);
const std::string kStream =
    "+FULLRESYNC 7c0b1f 0\r\n$EOF:" + kMark + "\r\n" + kData + kMark + "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";

std::string leader(const Words& words) {
    if (words[0] == "PSYNC") {
        return kStream;
    }
    if (words[0] == "SYNC") {
        return "\n\n$5\r\nREDIS*1\r\n$4\r\nPING\r\n";
    }
    const bool acknowledges = words[0] == "REPLCONF" && words.size() > 1 && (words[1] == "ACK" || words[1] == "GETACK");
    return acknowledges ? FakeNode::kSilence : words[0] == "GET" ? "$1\r\nv\r\n" : "+OK\r\n";
}

/// This user may not, and whoever asks is told so.
std::string refusing(const Words& words) {
    const bool replica = words[0] == "PSYNC" || words[0] == "SYNC" || words[0] == "REPLCONF";
    return replica ? "-NOPERM this user has no permissions\r\n" : leader(words);
}

class ReplicationLane : public PortalTest {
  protected:
    ReplicationLane() { config_.commands.replication = true; }

    void wait_for_seen(const FakeNode& node, const std::string& command) {
        wait_for([&] { return has_seen(node, command); }, command.c_str());
    }
    static bool has_seen(const FakeNode& node, const std::string& command) {
        const auto seen = node.seen();
        return std::ranges::find(seen, command) != seen.end();
    }
};

TEST_F(ReplicationLane, AReplicaGetsItsStreamAsItComes) {
    const std::string more = "-LOADING this is data\r\n>";
    FakeNode node(
        [&](const Words& words) { return words[0] == "PSYNC" ? kStream + FakeNode::kPause + more : leader(words); });
    lead(node);
    const auto replica = client();
    replica->expect("REPLCONF capa eof capa psync2\r\n", "+OK\r\n");
    replica->expect("PSYNC ? -1\r\n", kStream);
    node.release();
    replica->expect(more);
    replica->send("REPLCONF ACK 17\r\n");
    wait_for_seen(node, "REPLCONF ACK 17");
    EXPECT_TRUE(replica->silent());
}

TEST_F(ReplicationLane, SyncIsAnsweredByAStream) {
    FakeNode node(leader);
    lead(node);
    client()->expect("SYNC\r\n", "\n\n$5\r\nREDIS*1\r\n$4\r\nPING\r\n");
}

TEST_F(ReplicationLane, WhoMayNotGoesOnAsBeforeAndLeavesNothingBehind) {
    FakeNode node(refusing);
    lead(node);
    const auto app = client();
    const std::string refusal = "-NOPERM this user has no permissions\r\n";
    app->expect("GET a\r\n", "$1\r\nv\r\n");
    app->expect("REPLCONF capa eof\r\nPSYNC ? -1\r\nGET a\r\nSYNC\r\nGET a\r\n",
                refusal + refusal + "$1\r\nv\r\n" + refusal + "$1\r\nv\r\n");
    wait_for([&] { return counters().upstream_links_pinned.get() <= 1; }, "the lease is over");
    client()->expect("WATCH k\r\nGET a\r\nUNWATCH\r\n", "+OK\r\n$1\r\nv\r\n+OK\r\n");
    EXPECT_EQ(node.left(), 0U);
}

TEST_F(ReplicationLane, WhatAReplicaHasSaidOfItselfGoesWithItsConnection) {
    FakeNode node(leader);
    lead(node);
    {
        const auto replica = client();
        replica->expect("REPLCONF capa eof\r\nGET a\r\n", "+OK\r\n$1\r\nv\r\n");
    }
    wait_for([&] { return node.left() == 1; }, "the link ends with the client");
    const auto other = client();
    other->expect("REPLCONF capa eof\r\nRESET\r\nGET a\r\n", "+OK\r\n+RESET\r\n$1\r\nv\r\n");
    wait_for([&] { return node.left() == 2; }, "the link ends with RESET");
}

TEST_F(ReplicationLane, NoReplicaIsTakenForANode) {
    FakeNode node(leader);
    lead(node);
    const auto replica = client();
    replica->expect("REPLCONF listening-port 6379 capa eof\r\nREPLCONF IP-Address redis-1\r\n", "+OK\r\n+OK\r\n");
    EXPECT_EQ(node.seen(),
              (Words{"REPLCONF listening-port 0 ip-address 127.0.0.1 capa eof", "REPLCONF IP-Address 127.0.0.1"}));
    replica->expect("PSYNC ? -1\r\n", kStream);
    replica->send("REPLCONF listening-port 6379\r\n");
    wait_for_seen(node, "REPLCONF listening-port 0 ip-address 127.0.0.1");
}

TEST_F(ReplicationLane, WhatNoNodeAnswersIsNotSentBeforeThereIsAStream) {
    FakeNode node(leader);
    lead(node);
    const auto app = client();
    const std::string unknown = "-ERR Unrecognized REPLCONF option: ";
    app->expect("REPLCONF ACK 0\r\nREPLCONF capa eof getack *\r\nREPLCONF later-option 1\r\nREPLCONF capa\r\nGET a\r\n",
                unknown + "ACK\r\n" + unknown + "getack\r\n" + unknown + "later-option\r\n-ERR syntax error\r\n" +
                    "$1\r\nv\r\n");
    EXPECT_EQ(node.seen(), Words{"GET a"});
}

TEST_F(ReplicationLane, NoClientMakesAReplicaLead) {
    FakeNode node(leader);
    lead(node);
    const auto app = client();
    app->expect("PSYNC 7c0b1f 1 FAILOVER\r\nGET a\r\n",
                "-DENIED a client of a portal makes no node lead: PSYNC has two arguments here\r\n$1\r\nv\r\n");
    app->expect("PSYNC ? -1\r\n", kStream);
    app->send("PSYNC 7c0b1f 1 FAILOVER\r\n");
    EXPECT_TRUE(app->closed());
    EXPECT_EQ(node.seen(), (Words{"GET a", "PSYNC ? -1"}));
}

TEST_F(ReplicationLane, NoOtherCommandGoesByTheWayOfAReplica) {
    config_.commands.deny = {"flushall"};
    FakeNode node(leader);
    lead(node);
    for (const std::string& command : Words{"FLUSHALL", "SET k v", "GET a", "REPLCONF nonsense 1", "MULTI", "QUIT"}) {
        const auto behind = client();  // in one piece with what opens the stream
        behind->send("PSYNC ? -1\r\n" + command + "\r\n");
        EXPECT_TRUE(kStream.starts_with(behind->read(10'000))) << command;
        const auto later = client();
        later->expect("PSYNC ? -1\r\n", kStream);
        later->send(command + "\r\n");
        EXPECT_TRUE(later->closed()) << command;
        EXPECT_FALSE(has_seen(node, command)) << command;
    }
}

TEST_F(ReplicationLane, AReplicaSaysThatItIsAliveByAnEmptyLine) {
    FakeNode node(leader);
    lead(node);
    const auto replica = client();
    replica->expect("PSYNC ? -1\r\n", kStream);
    replica->send("\n");
    wait_for_seen(node, "");
}

TEST_F(ReplicationLane, AConnectionThatHearsOtherThingsGetsNoStream) {
    FakeNode node(leader);
    lead(node);
    const std::string alone =
        "-ERR portal: a connection that listens, tracks, monitors or has fieldsets cannot become "
        "that of a replica\r\n";
    const auto app = client();
    app->expect("MULTI\r\nPSYNC ? -1\r\n", "+OK\r\n-ERR Command not allowed inside a transaction\r\n");
    const auto monitor = client();
    monitor->expect("MONITOR\r\nSYNC\r\n", "+OK\r\n" + alone);
    const auto tracks = client();
    tracks->expect("CLIENT TRACKING ON BCAST\r\nSYNC\r\n", "+OK\r\n" + alone);
    EXPECT_FALSE(has_seen(node, "SYNC"));
    EXPECT_FALSE(has_seen(node, "PSYNC ? -1"));
}

TEST_F(ReplicationLane, AStreamEndsWithItsLeader) {
    FakeNode node(leader);
    FakeNode next(leader);
    lead(node);
    const auto replica = client();
    replica->expect("PSYNC ? -1\r\n", kStream);
    lead(next);
    EXPECT_TRUE(replica->closed()) << "else it would follow the one that was deposed";
    const auto back = client();
    back->expect("PSYNC ? -1\r\n", kStream);
    EXPECT_TRUE(has_seen(next, "PSYNC ? -1"));
}

TEST_F(ReplicationLane, WhatTheNodeSaidLastReachesTheReplica) {
    const std::string begin = "+FULLRESYNC 7c0b1f 0\r\n";
    const std::string data(100'000, 'd');
    FakeNode node(
        [&](const Words& words) { return words[0] == "PSYNC" ? begin + FakeNode::kPause + data : leader(words); });
    lead(node);
    const auto replica = client();
    replica->expect("REPLCONF capa eof\r\nPSYNC ? -1\r\n", "+OK\r\n" + begin);
    in_one_turn([&] {
        node.release();
        std::this_thread::sleep_for(100ms);
        node.cut();
    });
    replica->expect(data);
    EXPECT_TRUE(replica->closed());
}

TEST_F(ReplicationLane, ALinkThatIsLostBeforeTheAnswerEndsTheConnection) {
    FakeNode node([](const Words& words) { return words[0] == "PSYNC" ? FakeNode::kCutThis : leader(words); });
    lead(node);
    const auto replica = client();
    replica->expect("REPLCONF capa eof\r\n", "+OK\r\n");
    replica->send("PSYNC ? -1\r\n");
    EXPECT_TRUE(replica->closed()) << "what it said of itself is gone with the link";
    const auto prepared = client();
    prepared->expect("REPLCONF capa eof\r\n", "+OK\r\n");
    node.cut();
    EXPECT_TRUE(prepared->closed());
}

TEST_F(ReplicationLane, ANodeThatCannotServeNowIsHeard) {
    FakeNode node([](const Words& words) {
        return words[0] == "PSYNC" ? "-LOADING Redis is loading the dataset in memory\r\n" : leader(words);
    });
    lead(node);
    const auto replica = client();
    replica->expect("REPLCONF capa eof\r\nPSYNC ? -1\r\nGET a\r\n",
                    "+OK\r\n-LOADING Redis is loading the dataset in memory\r\n$1\r\nv\r\n");
}

TEST_F(ReplicationLane, NobodyIsReadFasterThanTheOtherReads) {
    constexpr std::size_t kMuch = 64 * 1024 * 1024;
    FakeNode node([&](const Words& words) {
        return words[0] == "PSYNC" ? "+FULLRESYNC 7c0b1f 0\r\n" + std::string(kMuch, 'd') : leader(words);
    });
    lead(node);
    const auto replica = client();
    replica->send("PSYNC ? -1\r\n");
    EXPECT_EQ(replica->read(22), "+FULLRESYNC 7c0b1f 0\r\n");
    std::size_t before = 0;
    wait_for(
        [&] {
            std::this_thread::sleep_for(50ms);
            return std::exchange(before, counters().upstream_received_bytes.get()) ==
                   counters().upstream_received_bytes.get();
        },
        "nothing more is read of the node");
    EXPECT_LT(counters().upstream_received_bytes.get(), kMuch / 2);  // the kernels' buffers, and a little more
    client()->expect("GET a\r\n", "$1\r\nv\r\n");
    replica->send("REPLCONF ACK 3\r\n");
    EXPECT_EQ(replica->read(kMuch).size(), kMuch);
    replica->send("\n");
}

TEST_F(ReplicationLane, AReplicaThatLoadsItsDataNeedOnlySpeak) {
    config_.limits.output_time = 400ms;
    config_.limits.idle_time = 300ms;
    constexpr std::size_t kMuch = 64 * 1024 * 1024;
    FakeNode node([&](const Words& words) {
        return words[0] == "PSYNC" ? "+FULLRESYNC 7c0b1f 0\r\n" + std::string(kMuch, 'd') : leader(words);
    });
    lead(node);
    const auto loads = client();
    const auto stuck = client();
    loads->send("PSYNC ? -1\r\n");
    stuck->send("PSYNC ? -1\r\n");
    for (int i = 0; i < 15; ++i) {
        std::this_thread::sleep_for(100ms);
        loads->send("\n");
    }
    wait_for([&] { return counters().client_connections.get() == 1; }, "who neither reads nor speaks is closed");
    EXPECT_EQ(loads->read(kMuch).size(), kMuch);
}

TEST_F(ReplicationLane, ASilentStreamIsNotIdle) {
    config_.limits.idle_time = 100ms;
    FakeNode node(leader);
    lead(node);
    const auto replica = client();
    replica->expect("PSYNC ? -1\r\n", kStream);
    std::this_thread::sleep_for(400ms);
    EXPECT_TRUE(replica->silent());
    replica->send("REPLCONF ACK 4\r\n");
    wait_for_seen(node, "REPLCONF ACK 4");
}

TEST_F(ReplicationLane, WithoutAPermitTheNodeHearsNothing) {
    FakeNode node(leader);
    lead(node);
    const auto replica = client();
    replica->expect("PSYNC ? -1\r\n", kStream);
    fence();
    replica->send("REPLCONF ACK 5\r\n");
    std::this_thread::sleep_for(150ms);
    EXPECT_FALSE(has_seen(node, "REPLCONF ACK 5"));
    confirm();
    wait_for_seen(node, "REPLCONF ACK 5");
}

TEST_F(ReplicationLane, AReplicaIsOneForClientList) {
    FakeNode node(leader);
    lead(node);
    const auto replica = client();
    replica->expect("PSYNC ? -1\r\n", kStream);
    const auto other = client();
    other->send("CLIENT LIST TYPE replica\r\n");
    const std::string header = other->line();
    const std::string line = other->line();
    EXPECT_NE(line.find(" flags=S "), std::string::npos) << header << line;
    other->send("CLIENT KILL TYPE replica\r\n");
    EXPECT_EQ(other->line(), "\r\n");
    EXPECT_EQ(other->line(), ":1\r\n");
    EXPECT_TRUE(replica->closed());
}

TEST_F(ReplicationLane, WhereItIsSwitchedOffStreamsEnd) {
    FakeNode node(leader);
    lead(node);
    const auto replica = client();
    replica->expect("PSYNC ? -1\r\n", kStream);
    config_.commands.replication = false;
    reload();
    EXPECT_TRUE(replica->closed());
    const auto refused = client();
    refused->send("PSYNC ? -1\r\n");
    EXPECT_TRUE(refused->line().starts_with("-DENIED "));
}

TEST_F(ReplicationLane, AClientThatLeavesIsNoReplicaAnyMore) {
    FakeNode node(leader);
    lead(node);
    {
        const auto replica = client();
        replica->expect("PSYNC ? -1\r\n", kStream);
    }
    wait_for([&] { return node.left() == 1; }, "the node is told");
    const auto half = client();
    half->expect("PSYNC ? -1\r\n", kStream);
    half->finish_sending();
    wait_for([&] { return node.left() == 2; }, "the node is told that it sends nothing more");
    EXPECT_TRUE(half->closed());
}

TEST_F(ReplicationLane, AReplyThatIsStillToBeProvedComesBeforeTheStream) {
    config_.writes.proven = config::Proven::available;
    std::atomic<bool> confirmed{false};
    FakeNode node([&](const Words& words) -> std::string {
        if (words[0] == "ROLE") {
            const std::string offset = confirmed ? "9" : "0";
            return "*3\r\n$6\r\nmaster\r\n:9\r\n*1\r\n*3\r\n$9\r\n127.0.0.1\r\n$1\r\n7\r\n$1\r\n" + offset + "\r\n";
        }
        return words[0] == "WAIT" ? (confirmed ? ":1\r\n" : ":0\r\n") : leader(words);
    });
    lead(node, {{"replica", {"127.0.0.1"}, 7}});
    const auto replica = client();
    replica->send("SET k v\r\nPSYNC ? -1\r\n");
    wait_for_seen(node, "SET k v");
    std::this_thread::sleep_for(100ms);
    EXPECT_TRUE(replica->silent());
    EXPECT_FALSE(has_seen(node, "PSYNC ? -1"));
    confirmed = true;
    replica->expect("+OK\r\n" + kStream);
}

}  // namespace
}  // namespace portal::testing
