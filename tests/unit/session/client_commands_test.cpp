#include "session/client_commands.hpp"

#include "command/classifier.hpp"
#include "fake_feature_host.hpp"
#include "session/all_clients.hpp"

#include <string>

#include <gtest/gtest.h>

namespace portal::session {
namespace {

template <typename... Words>
std::string request(Words... words) {
    std::string frame;
    resp::write_request(frame, "CLIENT", words...);
    return frame;
}

/// The client's answer once the node has said `verdict`.
std::string answer(FakeFeatureHost& host, ClientCommands& commands, const std::string& frame,
                   std::string_view verdict = "+OK\r\n") {
    const resp::RequestView view(frame);
    commands.note_question();
    commands.note_verdict(verdict);
    EXPECT_TRUE(commands.answer(command::classify(view), view));
    return host.replies.back();
}

TEST(ClientCommands, TheNodeDecidesWhoMayAndThePortalAnswers) {
    FakeFeatureHost host;
    ClientCommands commands(host);
    EXPECT_EQ(answer(host, commands, request("SETNAME", "me")), "+OK\r\n");
    EXPECT_EQ(host.client.name, "me");
    EXPECT_EQ(answer(host, commands, request("SETNAME", "other"), "-NOPERM no\r\n"), "-NOPERM no\r\n");
    EXPECT_EQ(host.client.name, "me");
    EXPECT_EQ(answer(host, commands, request("GETNAME"), "$12\r\nredis-portal\r\n"), "$2\r\nme\r\n")
        << "what the node says of the link is of no interest";
    EXPECT_EQ(answer(host, commands, request("ID")), ":1\r\n");
    EXPECT_TRUE(answer(host, commands, request("SETNAME", "a b")).starts_with("-ERR"));
}

TEST(ClientCommands, RepliesAreSwitchedOffForTheClientAlone) {
    FakeFeatureHost host;
    ClientCommands commands(host);
    EXPECT_EQ(answer(host, commands, request("REPLY", "OFF")), "");
    EXPECT_EQ(host.client.reply_mode, command::ReplyMode::off);
    EXPECT_EQ(answer(host, commands, request("REPLY", "SKIP")), "");
    EXPECT_EQ(host.client.reply_mode, command::ReplyMode::off) << "it stays off";
    EXPECT_EQ(answer(host, commands, request("REPLY", "ON")), "+OK\r\n");
    EXPECT_EQ(answer(host, commands, request("REPLY", "SKIP")), "");
    EXPECT_EQ(host.client.reply_mode, command::ReplyMode::skip_next);
}

TEST(ClientCommands, AQuestionThatEndsItsLinkAgainAndAgainIsGivenUp) {
    FakeFeatureHost host;
    ClientCommands commands(host);
    for (int i = 0; i < 8; ++i) {
        commands.note_question();
        EXPECT_TRUE(commands.note_lost_question());
    }
    commands.note_question();
    EXPECT_FALSE(commands.note_lost_question());
    commands.note_question();
    commands.note_verdict("+OK\r\n");
    commands.note_question();
    EXPECT_TRUE(commands.note_lost_question()) << "one that was answered begins anew";
}

/// It was refused for another reason meanwhile; the next command may be another, of another user.
TEST(ClientCommands, AVerdictIsForTheCommandThatItWasAskedForAlone) {
    FakeFeatureHost host;
    ClientCommands commands(host);
    const auto answered = [&] { return commands.knows_verdict(); };
    commands.note_question();
    commands.note_verdict("+OK\r\n");
    EXPECT_TRUE(answered());
    commands.forget();
    EXPECT_FALSE(answered()) << "the command is done with";
    commands.note_question();
    commands.forget();
    commands.note_verdict("+OK\r\n");
    EXPECT_FALSE(answered()) << "it comes too late";
    commands.note_question();
    commands.forget();
    commands.note_question();
    commands.note_verdict("+OK\r\n");
    EXPECT_FALSE(answered()) << "it is about the one before";
    commands.note_verdict("-NOPERM no\r\n");
    EXPECT_TRUE(answered());
    commands.forget();
    commands.note_question();
    EXPECT_TRUE(commands.note_lost_question());
    commands.note_question();
    commands.note_verdict("+OK\r\n");
    EXPECT_TRUE(answered());
}

TEST(ListedLines, ComeInTheOrderThatWasAskedForElseById) {
    const std::vector<std::vector<ListedClient>> shards = {{{2, "two "}, {4, "four "}}, {{1, "one "}}};
    EXPECT_EQ(listed_lines(shards, {}), "one two four ");
    EXPECT_EQ(listed_lines(shards, {4, 1, 2}), "four one two ");
}

}  // namespace
}  // namespace portal::session
