// A transaction that subscribes: where the answer to its EXEC ends and what in it is a confirmation, however the node
// answers; and the way back out of the subscription.
#include "portal_fixture.hpp"

#include <map>

namespace portal::testing {
namespace {

const std::string kBusy = "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n";
const std::string kReadOnly = "-READONLY You can't write against a read only replica.\r\n";

std::string subscribed(const std::string& name, int count, char first = '*') {
    return first + ("3\r\n$9\r\nsubscribe\r\n$" + std::to_string(name.size()) + "\r\n" + name + "\r\n:") +
           std::to_string(count) + "\r\n";
}

class SubscribedInTransactionTest : public PortalTest {
  protected:
    /// What the node answers to a command of that name; else that it is queued.
    using Answers = std::map<std::string, std::string>;
    static FakeNode::Script node_with(Answers answers) {
        answers.try_emplace("MULTI", "+OK\r\n");
        answers.try_emplace("GET", "$5\r\nvalue\r\n");
        return [answers](const std::vector<std::string>& words) {
            const auto found = answers.find(words[0]);
            if (words[0] == "PING" && found == answers.end()) {
                const std::string word = words.size() > 1 ? words[1] : "";
                return word.empty() ? "+PONG\r\n" : "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
            }
            return found == answers.end() ? std::string("+QUEUED\r\n") : found->second;
        };
    }
};

TEST_F(SubscribedInTransactionTest, ItsAnswerEndsAlsoWhereTheNodeRefusesWhateverFollows) {
    const std::string answer = "*2\r\n" + subscribed("ch", 1) + "+OK\r\n";
    FakeNode node{node_with({{"EXEC", answer}, {"PING", kBusy}})};
    lead(node);
    const auto app = client();
    app->expect("MULTI\r\nSUBSCRIBE ch\r\nSET k v\r\n", "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
    app->expect("EXEC\r\n", answer);
    app->expect("PING\r\n", "*2\r\n$4\r\npong\r\n$0\r\n\r\n");  // as one that listens
}

TEST_F(SubscribedInTransactionTest, WhatComesBehindItsFirstFrameSaysNothingOfTheLeader) {
    // Two names get two frames, so that the last element stands outside of the array.
    const std::string answer = "*2\r\n" + subscribed("a", 1) + subscribed("b", 2) + kReadOnly;
    FakeNode node{node_with({{"EXEC", answer}})};
    lead(node);
    const auto app = client();
    app->expect("MULTI\r\nSUBSCRIBE a b\r\nEVAL x 0\r\n", "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
    app->expect("EXEC\r\n", answer);
}

TEST_F(SubscribedInTransactionTest, AMessageInFrontOfAConfirmationIsNotTakenForIt) {
    const std::string answer = "*2\r\n:1\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nl\r\n" + subscribed("ch", 1, '>');
    FakeNode node{node_with({{"EXEC", answer}})};
    lead(node);
    const auto app = client();
    app->say_hello("HELLO 3\r\n");
    app->expect("MULTI\r\nLPUSH l v\r\nSUBSCRIBE ch\r\n", "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
    app->expect("EXEC\r\nPING\r\n", answer + "+PONG\r\n");
}

TEST_F(SubscribedInTransactionTest, AnInvalidationThatComesBeforeTheEndOfASubscriptionIsTold) {
    const std::string invalidation = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n";
    const std::string message = ">3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\nm\r\n";
    const std::string unsubscribed = ">3\r\n$11\r\nunsubscribe\r\n$2\r\nch\r\n:0\r\n";
    const std::string answer = "*1\r\n" + subscribed("ch", 1, '>');
    FakeNode node{
        node_with({{"EXEC", answer}, {"CLIENT", "+OK\r\n"}, {"unsubscribe", invalidation + message + unsubscribed}})};
    lead(node);
    const auto app = client();
    app->say_hello("HELLO 3\r\n");
    app->expect("CLIENT TRACKING ON\r\nMULTI\r\nSUBSCRIBE ch\r\n", "+OK\r\n+OK\r\n+QUEUED\r\n");
    app->expect("EXEC\r\n", answer);
    app->send("UNSUBSCRIBE ch\r\n");
    app->expect(unsubscribed + invalidation);
}

TEST_F(SubscribedInTransactionTest, AnUnsubscribeThatTheNodeRefusesKeepsNobodyWaitingAndEndsTheLink) {
    const std::string answer = "*1\r\n" + subscribed("a", 1) + subscribed("b", 2);
    FakeNode node{node_with({{"EXEC", answer}, {"unsubscribe", kBusy}})};
    lead(node);
    const auto app = client();
    app->expect("MULTI\r\nSUBSCRIBE a b\r\n", "+OK\r\n+QUEUED\r\n");
    app->expect("EXEC\r\n", answer);
    app->send("UNSUBSCRIBE a b\r\nGET k\r\n");
    app->expect(
        "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:0\r\n"
        "$5\r\nvalue\r\n");
    wait_for([&] { return node.left() == 1; }, "the link that still listens ends");
}

}  // namespace
}  // namespace portal::testing
