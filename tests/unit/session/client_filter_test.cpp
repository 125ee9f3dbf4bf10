#include "session/client_filter.hpp"

#include "resp/reply_writer.hpp"

#include <gtest/gtest.h>

namespace portal::session {
namespace {

struct Read {
    ClientFilter filter;
    std::string problem;
};

template <typename... Words>
Read read(const Words&... words) {
    std::string frame;
    resp::write_request(frame, "CLIENT", "KILL", words...);
    Read result;
    result.problem = read_kill(resp::RequestView(frame), {}, result.filter);
    return result;
}

ClientLine client() {
    ClientLine line;
    line.id = 5;
    line.address = "1.2.3.4:5";
    line.local_address = "9.9.9.9:6379";
    line.username = "ann";
    line.age = 10;
    return line;
}

TEST(ClientFilter, TheOldFormMeansOneAddressAndMayMeanTheAskerToo) {
    const Read old = read("1.2.3.4:5");
    EXPECT_TRUE(old.filter.old_form);
    EXPECT_FALSE(old.filter.skip_asker);
    EXPECT_TRUE(old.filter.matches(client()));
    EXPECT_FALSE(read("1.2.3.4:6").filter.matches(client()));
}

TEST(ClientFilter, AllThatIsGivenMustMatch) {
    EXPECT_TRUE(read("ID", "5", "USER", "ann", "TYPE", "normal", "LADDR", "9.9.9.9:6379").filter.matches(client()));
    EXPECT_FALSE(read("ID", "5", "USER", "bob").filter.matches(client()));
    EXPECT_FALSE(read("ID", "6", "USER", "ann").filter.matches(client()));
    EXPECT_FALSE(read("TYPE", "pubsub", "ADDR", "1.2.3.4:5").filter.matches(client()));
}

TEST(ClientFilter, MaxageSparesYoungerClients) {
    EXPECT_TRUE(read("MAXAGE", "10", "USER", "ann").filter.matches(client()));
    EXPECT_FALSE(read("MAXAGE", "11", "USER", "ann").filter.matches(client()));
    EXPECT_EQ(read("MAXAGE", "x").problem, "ERR maxage is not an integer or out of range");
}

TEST(ClientFilter, TheAskerIsSparedUnlessSkipmeSaysNo) {
    EXPECT_TRUE(read("ID", "5").filter.skip_asker);
    EXPECT_FALSE(read("ID", "5", "skipme", "NO").filter.skip_asker);
    EXPECT_TRUE(read("SKIPME", "no", "SKIPME", "yes").filter.skip_asker);
}

TEST(ClientFilter, MistakesAreWordedAsRedisWordsThem) {
    EXPECT_EQ(read("ID", "0").problem, "ERR client-id should be greater than 0");
    EXPECT_EQ(read("TYPE", "x").problem, "ERR Unknown client type 'x'");
    EXPECT_EQ(read("SKIPME", "maybe").problem, "ERR syntax error");
    EXPECT_EQ(read("ID", "1", "USER").problem, "ERR syntax error");
    EXPECT_EQ(read("COLOUR", "red").problem, "ERR syntax error");
}

TEST(ClientFilter, WhatTheNodeSaysOfTheUserIsTheErrorAtThatPlace) {
    std::string frame;
    resp::write_request(frame, "CLIENT", "KILL", "USER", "bob", "ID", "0");
    ClientFilter filter;
    EXPECT_EQ(user_of_kill(resp::RequestView(frame)), "bob");
    EXPECT_EQ(read_kill(resp::RequestView(frame), "ERR No such user 'bob'", filter), "ERR No such user 'bob'");
}

}  // namespace
}  // namespace portal::session
