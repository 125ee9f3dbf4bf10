#include "conversation/replica_requests.hpp"

#include "command/classifier.hpp"
#include "resp/reply_writer.hpp"

#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace portal::conversation {
namespace {

std::string frame_of(const std::string& line) {
    std::vector<std::string> words;
    std::istringstream in(line);
    for (std::string word; in >> word;) {
        words.push_back(word);
    }
    std::string frame;
    resp::write_array_header(frame, words.size());
    for (const std::string& word : words) {
        resp::write_bulk(frame, word);
    }
    return frame;
}

ReplicaRequest read(const std::string& line, bool streams) {
    const std::string frame = frame_of(line);
    const resp::RequestView request(frame);
    return read_replica_request(command::classify(request), request, "10.0.0.7", streams);
}

void expect_sent(const std::string& line, const std::string& sent, bool streams = false) {
    const ReplicaRequest got = read(line, streams);
    EXPECT_EQ(got.frame, frame_of(sent)) << line;
    EXPECT_EQ(got.error, "") << line;
}

void expect_refused(const std::string& line, const std::string& error, bool streams = false) {
    const ReplicaRequest got = read(line, streams);
    EXPECT_EQ(got.frame, "") << line;
    EXPECT_EQ(got.error, error) << line;
}

TEST(ReplicaRequests, WhatServersOfAllVersionsAskForGoesAsItCame) {
    for (const bool streams : {false, true}) {
        for (const std::string line :
             {"REPLCONF", "replconf CAPA eof capa psync2", "REPLCONF rdb-only 1", "REPLCONF rdb-filter-only functions",
              "REPLCONF rdb-channel 1 main-ch-client-id 7", "REPLCONF version 8.1.0", "REPLCONF set-rdb-client-id 12",
              "SYNC", "PSYNC ? -1", "psync 7c0b1f 1234"}) {
            const ReplicaRequest got = read(line, streams);
            EXPECT_EQ(got.error, "") << line;
            const bool replconf = got.frame.find("REPLCONF") != std::string::npos;  // its name is written anew
            EXPECT_EQ(got.frame, frame_of(replconf ? "REPLCONF" + line.substr(8) : line)) << line;
        }
    }
}

TEST(ReplicaRequests, NoReplicaCallsItselfANode) {
    for (const bool streams : {false, true}) {
        expect_sent("REPLCONF listening-port 6379", "REPLCONF listening-port 0 ip-address 10.0.0.7", streams);
        expect_sent("REPLCONF IP-ADDRESS redis-1 LISTENING-PORT 6379",
                    "REPLCONF IP-ADDRESS 10.0.0.7 LISTENING-PORT 0 ip-address 10.0.0.7", streams);
    }
}

TEST(ReplicaRequests, WhoHasNoStreamAcknowledgesNothing) {
    expect_refused("REPLCONF ack 5", "ERR Unrecognized REPLCONF option: ack");
    expect_refused("REPLCONF capa eof GETACK *", "ERR Unrecognized REPLCONF option: GETACK");
    expect_sent("REPLCONF ACK 5 FACK 5", "REPLCONF ACK 5 FACK 5", true);
    expect_sent("REPLCONF getack *", "REPLCONF getack *", true);
}

TEST(ReplicaRequests, AnOptionThatNobodyKnowsMayBeOneThatIsNotAnswered) {
    expect_refused("REPLCONF frobnicate 1", "ERR Unrecognized REPLCONF option: frobnicate");
    expect_refused("REPLCONF frobnicate 1", "ERR Unrecognized REPLCONF option: frobnicate", true);
    expect_refused("REPLCONF capa", "ERR syntax error");
}

TEST(ReplicaRequests, NobodyMakesAReplicaLead) {
    for (const bool streams : {false, true}) {
        expect_refused("PSYNC 7c0b1f 1234 FAILOVER",
                       "DENIED a client of a portal makes no node lead: PSYNC has two arguments here", streams);
    }
}

}  // namespace
}  // namespace portal::conversation
