#include "conversation/login_rules.hpp"

#include "conversation/client_errors.hpp"
#include "script.hpp"

#include <string>

#include <gtest/gtest.h>

namespace portal::conversation {
namespace {

using Kind = LoginStep::Kind;
using Where = LoginStep::Where;
using script::frame;
using script::row_of;

LoginStep auth(const std::string& line, const LoginFacts& facts = {}) {
    const std::string bytes = frame(line);
    return begin_auth(resp::RequestView(bytes), facts);
}
LoginStep hello(const std::string& line, const LoginFacts& facts = {}) {
    const std::string bytes = frame(line);
    return begin_hello(resp::RequestView(bytes), facts);
}
LoginStep select(const std::string& line, const LoginFacts& facts = {}) {
    const std::string bytes = frame(line);
    return begin_select(resp::RequestView(bytes), facts);
}
LoginChange answer(const std::string& sent, const std::string& line, std::string_view bytes) {
    const std::string command = frame(sent);
    return read_login_answer(row_of(line), resp::RequestView(command), bytes, resp::Protocol::resp2);
}

// ------------------------------------------------------------------------------------------- AUTH

TEST(LoginRules, ALoginIsAskedOnTheLinkForLoginsAlsoBehindWhatIsUnanswered) {
    const LoginStep step = auth("AUTH app secret", {.idle = false, .has_own = true});
    EXPECT_EQ(step.kind, Kind::ask);
    EXPECT_EQ(step.where, Where::logins);
    EXPECT_EQ(step.frame, frame("AUTH app secret"));
    EXPECT_EQ(step.effect, upstream::Effect::lasting);
}

TEST(LoginRules, WhatTheClientHasBegunGoesOnAsTheNewUserOnItsOwnLink) {
    EXPECT_EQ(auth("AUTH app secret", {.has_own = true, .needs_own = true}).where, Where::own);
    EXPECT_EQ(hello("HELLO 3 AUTH app secret", {.needs_own = true}).where, Where::own);
    EXPECT_EQ(hello("HELLO 3 AUTH app secret", {.needs_own = true}).frame, frame("HELLO 3 AUTH app secret"));
}

TEST(LoginRules, ThereItWaitsForWhatIsJudgedByTheOldRights) {
    EXPECT_EQ(auth("AUTH app secret", {.idle = false, .needs_own = true}).kind, Kind::wait);
    EXPECT_EQ(hello("HELLO 3 AUTH app secret", {.idle = false, .needs_own = true}).kind, Kind::wait);
}

TEST(LoginRules, AuthWithTooManyWordsIsRefusedAndNotSent) {
    const LoginStep step = auth("AUTH app secret more");
    EXPECT_EQ(step.kind, Kind::refuse);
    EXPECT_EQ(step.error, client_errors::kSyntax);
    EXPECT_TRUE(step.frame.empty());
}

// ------------------------------------------------------------------------------------------- HELLO

TEST(LoginRules, AHelloWithALoginIsAskedAsAuthSoThatTheSharedLinkKeepsItsProtocol) {
    const LoginStep step = hello("HELLO 3 AUTH app secret SETNAME me", {.idle = false});
    EXPECT_EQ(step.kind, Kind::ask);
    EXPECT_EQ(step.where, Where::logins);
    EXPECT_EQ(step.frame, frame("AUTH app secret"));
    EXPECT_EQ(step.hello.protocol, resp::Protocol::resp3);
    EXPECT_EQ(step.hello.name, "me");
}

TEST(LoginRules, AHelloWithoutALoginIsAcceptedOnceNothingIsUnanswered) {
    EXPECT_EQ(hello("HELLO 3").kind, Kind::accept);
    EXPECT_EQ(hello("HELLO 3", {.idle = false}).kind, Kind::wait) << "those replies are in the old protocol";
    EXPECT_EQ(hello("HELLO 3", {.forwarding = false}).kind, Kind::accept) << "it needs no leader";
}

TEST(LoginRules, AHelloThatChangesTheProtocolOfWhatIsBegunIsAskedThere) {
    EXPECT_EQ(hello("HELLO 3", {.has_own = true, .needs_own = true}).where, Where::own);
    EXPECT_EQ(hello("HELLO 3", {.has_own = true, .needs_own = true}).kind, Kind::ask);
    EXPECT_EQ(hello("HELLO 2", {.has_own = true, .needs_own = true}).kind, Kind::accept) << "it changes nothing";
    EXPECT_EQ(hello("HELLO 3", {.has_own = true}).kind, Kind::accept) << "that link goes back";
    EXPECT_EQ(hello("HELLO 3", {.needs_own = true}).kind, Kind::accept) << "the next link begins in that protocol";
}

TEST(LoginRules, WhoMustLogInGetsNoHelloWithoutALogin) {
    EXPECT_EQ(hello("HELLO 3", {.must_log_in = true}).error, client_errors::kHelloNoAuth);
    EXPECT_EQ(hello("HELLO 3", {.must_log_in = true, .idle = false}).kind, Kind::refuse);
    EXPECT_EQ(hello("HELLO 3 AUTH app secret", {.must_log_in = true}).kind, Kind::ask);
    EXPECT_EQ(hello("HELLO 9", {.must_log_in = true}).kind, Kind::refuse) << "what is wrong with it comes first";
    EXPECT_NE(hello("HELLO 9", {.must_log_in = true}).error, client_errors::kHelloNoAuth);
}

// ------------------------------------------------------------------------------------------- SELECT

TEST(LoginRules, ADatabaseIsAskedOnALinkOfThatDatabaseWhereItChangesNothing) {
    const LoginStep step = select("SELECT 7", {.idle = false});
    EXPECT_EQ(step.where, Where::database);
    EXPECT_EQ(step.database, 7U);
    EXPECT_EQ(step.effect, upstream::Effect::none);
}

TEST(LoginRules, ADatabaseOfWhatIsBegunIsAskedThereAndStays) {
    const LoginStep step = select("SELECT 7", {.has_own = true, .needs_own = true});
    EXPECT_EQ(step.where, Where::own);
    EXPECT_EQ(step.effect, upstream::Effect::lasting);
    EXPECT_EQ(select("SELECT 7", {.needs_own = true}).where, Where::database) << "there is no such link yet";
}

TEST(LoginRules, WithALinkOfItsOwnASelectWaitsUntilItIsKnownWhetherThatStays) {
    EXPECT_EQ(select("SELECT 7", {.idle = false, .has_own = true}).kind, Kind::wait);
    EXPECT_EQ(select("SELECT 7", {.forwarding = false, .idle = false, .has_own = true}).kind, Kind::ask)
        << "where there is no leader the hold decides";
}

TEST(LoginRules, WhatIsNoDatabaseIsRefused) {
    EXPECT_EQ(select("SELECT x").error, client_errors::kNotInteger);
    EXPECT_EQ(select("SELECT -1").error, client_errors::kDatabaseRange);
    EXPECT_EQ(select("SELECT 65536").error, client_errors::kDatabaseRange);
    EXPECT_EQ(select("SELECT 65535").kind, Kind::ask);
    EXPECT_EQ(select("SELECT 4294967296").error, client_errors::kDatabaseRange);
}

// ------------------------------------------------------------------------------------------- answers

TEST(LoginRules, OnlyTheNodesConsentChangesTheClient) {
    for (const std::string_view refusal :
         {"-WRONGPASS x\r\n", "-NOPERM x\r\n", "-ERR x\r\n", "+QUEUED\r\n", "$2\r\nOK\r\n", ":1\r\n", "*0\r\n"}) {
        EXPECT_FALSE(answer("AUTH app secret", "AUTH app secret", refusal).accepted) << refusal;
        EXPECT_FALSE(answer("AUTH app secret", "HELLO 3", refusal).accepted) << refusal << ", asked for a HELLO";
    }
    EXPECT_FALSE(answer("HELLO 3 AUTH app secret", "HELLO 3", "-WRONGPASS x\r\n").accepted);
    EXPECT_FALSE(answer("HELLO 3 AUTH app secret", "HELLO 3", "+OK\r\n").accepted) << "no HELLO is answered so";
}

TEST(LoginRules, TheLoginIsThatOfTheCommandThatWasAnswered) {
    const LoginChange named = answer("AUTH app secret", "AUTH app secret", "+OK\r\n");
    EXPECT_TRUE(named.accepted);
    EXPECT_EQ(named.username, "app");
    EXPECT_EQ(named.password, "secret");
    const LoginChange unnamed = answer("AUTH secret", "AUTH secret", "+OK\r\n");
    EXPECT_EQ(unnamed.username, "default");
    EXPECT_EQ(unnamed.password, "secret");
    const LoginChange behind = answer("AUTH app secret", "HELLO 3", "+OK\r\n");
    EXPECT_EQ(behind.username, "app");
    EXPECT_FALSE(behind.hello) << "what the HELLO wanted is with whoever asked";
}

TEST(LoginRules, AHelloThatWasAskedAsItIsCountsWhole) {
    const LoginChange change = answer("HELLO 3 AUTH app secret SETNAME me", "HELLO 3", "%1\r\n+server\r\n+redis\r\n");
    ASSERT_TRUE(change.hello);
    EXPECT_TRUE(change.hello->logs_in);
    EXPECT_EQ(change.hello->username, "app");
    EXPECT_EQ(change.hello->protocol, resp::Protocol::resp3);
    EXPECT_EQ(change.hello->name, "me");
    EXPECT_TRUE(answer("HELLO 2", "HELLO 2", "*2\r\n+server\r\n+redis\r\n").hello);
}

}  // namespace
}  // namespace portal::conversation
