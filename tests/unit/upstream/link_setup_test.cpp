#include "upstream/link_setup.hpp"

#include <gtest/gtest.h>

namespace portal::upstream {
namespace {

using Step = LinkSetup::Step;

constexpr std::string_view kHello2 =
    "*14\r\n$6\r\nserver\r\n$6\r\nvalkey\r\n$7\r\nversion\r\n$5\r\n8.0.1\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:7\r\n$"
    "4\r\n"
    "mode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n";

/// What every conversation ends with, and an answer to it.
constexpr std::string_view kAsk = "*2\r\n$4\r\nECHO\r\n$12\r\nredis-portal\r\n";
constexpr std::string_view kEchoed = "$12\r\nredis-portal\r\n";

TEST(LinkSetup, AnAnonymousLinkAsksOnlyHelloAndEcho) {
    LinkSetup setup(LinkIdentity{});
    EXPECT_EQ(setup.request(), "*2\r\n$5\r\nHELLO\r\n$1\r\n2\r\n" + std::string(kAsk));
    EXPECT_EQ(setup.on_reply(kHello2), Step::more);
    EXPECT_EQ(setup.on_reply(kEchoed), Step::ready);
    EXPECT_EQ(setup.fence_style(), FenceStyle::echo);
    EXPECT_EQ(setup.hello().server, "valkey");
    EXPECT_EQ(setup.hello().version, "8.0.1");
    EXPECT_FALSE(setup.auth_required());
}

TEST(LinkSetup, LoginProtocolAndDatabaseGoOutInOneWrite) {
    LinkSetup setup({"bob", "secret", resp::Protocol::resp3, 5});
    EXPECT_EQ(setup.request(),
              "*3\r\n$4\r\nAUTH\r\n$3\r\nbob\r\n$6\r\nsecret\r\n*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n*2\r\n$6\r\nSELECT\r\n$"
              "1\r\n5\r\n" +
                  std::string(kAsk));
    EXPECT_EQ(setup.on_reply("+OK\r\n"), Step::more);
    EXPECT_EQ(setup.on_reply("%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n"), Step::more);
    EXPECT_EQ(setup.on_reply("+OK\r\n"), Step::more);
    EXPECT_EQ(setup.on_reply(kEchoed), Step::ready);
}

LinkIdentity selected_by(const std::string& username, const std::string& password) {
    return {"bob", "secret", resp::Protocol::resp2,
            5,     false,    std::make_shared<const Selector>(Selector{username, password})};
}

constexpr std::string_view kNoSelect = "-NOPERM this user has no permissions to run the 'select' command\r\n";
constexpr std::string_view kSelect5 = "*2\r\n$6\r\nSELECT\r\n$1\r\n5\r\n";
constexpr std::string_view kAuthBob = "*3\r\n$4\r\nAUTH\r\n$3\r\nbob\r\n$6\r\nsecret\r\n";

TEST(LinkSetup, ALoginThatMayNotSelectKeepsTheDatabaseThatAnotherHadSelected) {
    LinkSetup setup(selected_by("", ""));
    EXPECT_EQ(setup.request(), std::string(kSelect5) + std::string(kAuthBob) + "*2\r\n$5\r\nHELLO\r\n$1\r\n2\r\n" +
                                   std::string(kSelect5) + std::string(kAsk));
    for (const std::string_view reply :
         {std::string_view("+OK\r\n"), std::string_view("+OK\r\n"), kHello2, kNoSelect}) {
        EXPECT_EQ(setup.on_reply(reply), Step::more);
    }
    EXPECT_EQ(setup.on_reply(kEchoed), Step::ready);

    LinkSetup as_alice(selected_by("alice", "a"));
    EXPECT_TRUE(
        as_alice.request().starts_with("*3\r\n$4\r\nAUTH\r\n$5\r\nalice\r\n$1\r\na\r\n" + std::string(kSelect5)));
    for (const std::string_view reply :
         {std::string_view("+OK\r\n"), std::string_view("+OK\r\n"), std::string_view("+OK\r\n"), kHello2, kNoSelect}) {
        EXPECT_EQ(as_alice.on_reply(reply), Step::more);
    }
    EXPECT_EQ(as_alice.on_reply(kEchoed), Step::ready);
}

TEST(LinkSetup, WhatTheSelectorMayNotTheLoginItselfMayHaveTheRightTo) {
    for (const std::string_view selected : {kNoSelect, std::string_view("-NOAUTH Authentication required.\r\n")}) {
        for (const bool may_select : {true, false}) {
            LinkSetup setup(selected_by("alice", "a"));
            EXPECT_EQ(setup.on_reply("-WRONGPASS invalid username-password pair or user is disabled.\r\n"), Step::more);
            EXPECT_EQ(setup.on_reply(selected), Step::more);
            EXPECT_EQ(setup.on_reply("+OK\r\n"), Step::more);
            EXPECT_EQ(setup.on_reply(kHello2), Step::more);
            EXPECT_EQ(setup.on_reply(may_select ? "+OK\r\n" : kNoSelect), may_select ? Step::more : Step::refused);
            EXPECT_FALSE(setup.login_refused());
        }
    }
}

TEST(LinkSetup, ANodeThatIsFullOrLacksTheDatabaseSaysSoBeforeAnyLogin) {
    for (const char* username : {"", "alice"}) {
        LinkSetup full(selected_by(username, "a"));
        EXPECT_EQ(full.on_reply("-ERR max number of clients reached\r\n"), Step::unusable);
        EXPECT_EQ(full.reason(), "ERR max number of clients reached");
    }
    LinkSetup lacking(selected_by("", ""));
    EXPECT_EQ(lacking.on_reply("-ERR DB index is out of range\r\n"), Step::refused);
    EXPECT_FALSE(lacking.login_refused());
}

TEST(LinkSetup, ANodeThatWantsALoginIsReadyButSaysSo) {
    LinkSetup setup(LinkIdentity{});
    EXPECT_EQ(setup.on_reply("-NOAUTH HELLO must be called with the client already authenticated\r\n"), Step::more);
    EXPECT_EQ(setup.on_reply("-NOAUTH Authentication required.\r\n"), Step::ready);
    EXPECT_TRUE(setup.auth_required());
}

/// The login may not be wanted any more later, and what is sent then would reach database 0.
TEST(LinkSetup, ADatabaseThatWasNotSelectedForWantOfALoginServesNobody) {
    LinkSetup setup({"", "", resp::Protocol::resp2, 2});
    EXPECT_EQ(setup.on_reply("-NOAUTH HELLO must be called with the client already authenticated\r\n"), Step::more);
    EXPECT_EQ(setup.on_reply("-NOAUTH Authentication required.\r\n"), Step::refused);
    EXPECT_EQ(setup.error(), "-NOAUTH Authentication required.\r\n");
    EXPECT_TRUE(setup.auth_required());
    EXPECT_FALSE(setup.login_refused());
}

TEST(LinkSetup, ANodeThatFollowsAnotherIsRefusedWithoutAnErrorForClients) {
    for (const std::string_view role : {"$7\r\nreplica\r\n", "$5\r\nslave\r\n"}) {
        LinkSetup setup({"bob", "secret", resp::Protocol::resp3, 0});
        EXPECT_EQ(setup.on_reply("+OK\r\n"), Step::more);
        EXPECT_EQ(setup.on_reply("%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$4\r\nrole\r\n" + std::string(role)),
                  Step::unusable);
        EXPECT_TRUE(setup.follows());
        EXPECT_FALSE(setup.login_refused());
        EXPECT_EQ(setup.error(), "");
    }
}

TEST(LinkSetup, ANodeThatFollowsAnotherServesThoseWhoOnlyRead) {
    LinkSetup setup({"bob", "secret", resp::Protocol::resp3, 0}, "portal-0", true);
    EXPECT_EQ(setup.on_reply("+OK\r\n"), Step::more);
    EXPECT_EQ(setup.on_reply("%1\r\n$4\r\nrole\r\n$7\r\nreplica\r\n"), Step::more);
    EXPECT_FALSE(setup.follows());
}

TEST(LinkSetup, AnOldServerWithoutHelloIsGoodForResp2Only) {
    LinkSetup resp2(LinkIdentity{});
    EXPECT_EQ(resp2.on_reply("-ERR unknown command `HELLO`\r\n"), Step::more);
    LinkSetup resp3({"", "", resp::Protocol::resp3, 0});
    EXPECT_EQ(resp3.on_reply("-ERR unknown command `HELLO`\r\n"), Step::refused);
}

TEST(LinkSetup, ARefusedLoginEndsItWithTheNodesOwnWords) {
    LinkSetup setup({"bob", "wrong", resp::Protocol::resp2, 0});
    EXPECT_EQ(setup.on_reply("-WRONGPASS invalid username-password pair or user is disabled.\r\n"), Step::refused);
    EXPECT_EQ(setup.error(), "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
}

TEST(LinkSetup, ARefusedDatabaseEndsItWithTheNodesOwnWords) {
    LinkSetup setup({"", "", resp::Protocol::resp2, 99});
    EXPECT_EQ(setup.on_reply(kHello2), Step::more);
    EXPECT_EQ(setup.on_reply("-ERR DB index is out of range\r\n"), Step::refused);
    EXPECT_EQ(setup.error(), "-ERR DB index is out of range\r\n");
}

TEST(LinkSetup, AReplyTooManyIsTheEnd) {
    LinkSetup setup(LinkIdentity{});
    EXPECT_EQ(setup.on_reply(kHello2), Step::more);
    EXPECT_EQ(setup.on_reply(kEchoed), Step::ready);
    EXPECT_EQ(setup.on_reply("+OK\r\n"), Step::unusable);
}

TEST(LinkSetup, OnlyWhatSpeaksOfTheLoginIsAboutTheLogin) {
    for (const std::string_view error : {"-ERR max number of clients reached\r\n", "-LOADING Redis is loading\r\n",
                                         "-ERR whatever\r\n", "+PONG\r\n", "$2\r\nOK\r\n"}) {
        LinkSetup setup({"bob", "secret", resp::Protocol::resp2, 0});
        EXPECT_EQ(setup.on_reply(error), Step::unusable) << error;
        EXPECT_FALSE(setup.login_refused()) << error;
        EXPECT_EQ(setup.error(), "") << error;
    }
    for (const std::string_view error : {"-NOPERM User bob has no permissions to run the 'auth' command\r\n",
                                         "-NOAUTH Authentication required.\r\n"}) {
        LinkSetup setup({"bob", "secret", resp::Protocol::resp2, 0});
        EXPECT_EQ(setup.on_reply(error), Step::refused) << error;
        EXPECT_TRUE(setup.login_refused()) << error;
    }
}

TEST(LinkSetup, ANodeThatIsFullBeforeAnythingWasAskedIsNoConnection) {
    for (const auto protocol : {resp::Protocol::resp2, resp::Protocol::resp3}) {
        LinkSetup setup({"", "", protocol, 0});
        EXPECT_EQ(setup.on_reply("-ERR max number of clients reached\r\n"), Step::unusable);
        EXPECT_EQ(setup.reason(), "ERR max number of clients reached");
        EXPECT_EQ(setup.error(), "");
    }
}

TEST(LinkSetup, AUserWithoutEchoIsFencedByUnknownCommands) {
    LinkSetup setup({"bob", "secret", resp::Protocol::resp2, 0});
    EXPECT_EQ(setup.on_reply("+OK\r\n"), Step::more);
    EXPECT_EQ(setup.on_reply(kHello2), Step::more);
    EXPECT_EQ(setup.on_reply("-NOPERM User bob has no permissions to run the 'echo' command\r\n"), Step::ready);
    EXPECT_EQ(setup.fence_style(), FenceStyle::unknown_command);
}

TEST(LinkSetup, HostileHelloValuesAreNotTaken) {
    for (const std::string_view hostile :
         {"%1\r\n$6\r\nserver\r\n$999999999999999999999\r\nx\r\n", "%1\r\n$6\r\nserver\r\n$50\r\nx\r\n",
          "%1\r\n$6\r\nserver\r\n$", "%1\r\n$6\r\nserver\r\n:1\r\n"}) {
        LinkSetup setup(LinkIdentity{});
        EXPECT_EQ(setup.on_reply(hostile), Step::more);
        EXPECT_EQ(setup.hello().server, "redis") << hostile;
    }
}

TEST(LinkIdentity, TwoPasswordsOfOneUserLeadToTheSameLink) {
    const LinkIdentity one{"bob", "a", resp::Protocol::resp2, 0};
    EXPECT_TRUE(one.same_link({"bob", "b", resp::Protocol::resp2, 0}));
    EXPECT_FALSE(one.same_link({"eve", "a", resp::Protocol::resp2, 0}));
    EXPECT_FALSE(one.same_link({"bob", "a", resp::Protocol::resp3, 0}));
    EXPECT_FALSE(one.same_link({"bob", "a", resp::Protocol::resp2, 1}));
}

}  // namespace
}  // namespace portal::upstream
