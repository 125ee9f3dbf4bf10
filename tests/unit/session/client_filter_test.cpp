#include "session/client_filter.hpp"

#include "resp/reply_writer.hpp"

#include <array>
#include <string>
#include <vector>

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

template <typename... Words>
Read list(const Words&... words) {
    std::string frame;
    resp::write_request(frame, "CLIENT", "LIST", words...);
    Read result;
    result.problem = read_list(resp::RequestView(frame), result.filter);
    return result;
}

bool lists(const Read& read, const ClientLine& line) {
    EXPECT_EQ(read.problem, "");
    return read.filter.matches(line);
}

TEST(ClientFilter, AListIsOfAllUnlessItAsksForSome) {
    EXPECT_TRUE(lists(list(), client()));
    EXPECT_FALSE(list().filter.skip_asker);
    EXPECT_TRUE(list("SKIPME", "yes").filter.skip_asker);
    EXPECT_FALSE(lists(list("TYPE", "pubsub"), client()));
    EXPECT_EQ(list("ID", "3", "1").filter.wanted.ids, (std::vector<std::uint64_t>{3, 1}));
    EXPECT_EQ(list("TYPE", "x").problem, "ERR Unknown client type 'x'");
    EXPECT_EQ(list("ID", "1", "x").problem, "ERR Invalid client ID");
    EXPECT_EQ(list("x").problem, "ERR syntax error");
    EXPECT_EQ(list("x", "y").problem, "ERR syntax error");
    EXPECT_EQ(list("NOT-SKIPME", "yes").problem, "ERR syntax error");
}

/// One client that each option is true of, with that value, and another of which it is not.
TEST(ClientFilter, EachOptionHasItsOpposite) {
    ClientLine line = client();
    line.name = "worker";
    line.library_name = "jedis";
    line.library_version = "5.1";
    line.flags = "bt";
    line.database = 3;
    const std::vector<std::array<std::string, 3>> options = {{"ID", "5", "6"},
                                                             {"TYPE", "normal", "replica"},
                                                             {"USER", "ann", "bob"},
                                                             {"ADDR", "1.2.3.4:5", "1.2.3.4:6"},
                                                             {"LADDR", "9.9.9.9:6379", "9.9.9.9:1"},
                                                             {"NAME", "worker", "web"},
                                                             {"LIB-NAME", "jedis", "redis-py"},
                                                             {"LIB-VER", "5.1", "5.2"},
                                                             {"FLAGS", "t", "tx"},
                                                             {"DB", "3", "0"},
                                                             {"IP", "1.2.3.4", "1.2.3.5"},
                                                             {"CAPA", "", "r"}};
    for (const auto& [option, its, another] : options) {
        EXPECT_TRUE(lists(list(option, its), line)) << option;
        EXPECT_FALSE(lists(list(option, another), line)) << option;
        EXPECT_FALSE(lists(list("not-" + option, its), line)) << option;
        EXPECT_TRUE(lists(list("not-" + option, another), line)) << option;
        EXPECT_TRUE(read(option, its, "MAXAGE", "1").filter.matches(line)) << option;
        EXPECT_FALSE(read("NOT-" + option, its, "MAXAGE", "1").filter.matches(line)) << option;
    }
    EXPECT_FALSE(lists(list("NAME", "worker", "DB", "0"), line)) << "all must be true";
    EXPECT_FALSE(lists(list("NOT-NAME", "worker", "NOT-DB", "0"), line)) << "none may be";
    EXPECT_EQ(list("FLAGS", "z").problem, "ERR Unknown flags found in the provided filter: z");
    EXPECT_EQ(list("CAPA", "z").problem, "ERR Unknown capa found in the provided filter: z");
    EXPECT_EQ(list("DB", "x").problem, "ERR DB index is out of range");
}

TEST(ClientFilter, SeveralIdsMayBeNamedAndOptionsFollowThem) {
    EXPECT_TRUE(lists(list("ID", "4", "5", "USER", "ann"), client()));
    EXPECT_FALSE(lists(list("NOT-ID", "4", "5", "USER", "ann"), client()));
    EXPECT_EQ(read("ID", "4", "5", "USER", "ann").filter.wanted.ids, (std::vector<std::uint64_t>{4, 5}));
}

TEST(ClientFilter, WhoWasActiveLatelyIsNotIdle) {
    ClientLine line = client();
    line.idle = 7;
    EXPECT_TRUE(lists(list("IDLE", "7"), line));
    EXPECT_FALSE(lists(list("IDLE", "8"), line));
    EXPECT_EQ(list("IDLE", "x").problem, "ERR idle is not an integer or out of range");
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
    std::string behind_ids;
    resp::write_request(behind_ids, "CLIENT", "KILL", "ID", "1", "2", "NOT-USER", "ann");
    EXPECT_EQ(user_of_kill(resp::RequestView(behind_ids)), "ann");
    EXPECT_EQ(read_kill(resp::RequestView(frame), "ERR No such user 'bob'", filter), "ERR No such user 'bob'");
}

}  // namespace
}  // namespace portal::session
