// Nobody guesses the answer to a fence.
#include "upstream/fence.hpp"

#include <set>

#include <gtest/gtest.h>

namespace portal::upstream {
namespace {

std::string nonce_of(const std::string& frame) {
    return frame.substr(frame.size() - 34, 32);
}

TEST(Fence, EchoIsAnsweredByTheNonceAndNothingElse) {
    NonceSource nonces;
    std::string frame;
    write_fence(frame, FenceStyle::echo, nonces);
    const std::string nonce = nonce_of(frame);
    EXPECT_EQ(frame, "*2\r\n$4\r\nECHO\r\n$32\r\n" + nonce + "\r\n");
    EXPECT_EQ(nonce.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_TRUE(answers_fence(frame, "$32\r\n" + nonce + "\r\n"));
    std::string other;
    write_fence(other, FenceStyle::echo, nonces);
    for (const std::string& wrong :
         {"$32\r\n" + nonce_of(other) + "\r\n", "+" + nonce + "\r\n", "-ERR unknown command '" + nonce + "'\r\n",
          std::string("$-1\r\n"), std::string("+OK\r\n"), "$33\r\n" + nonce + "x\r\n", std::string()}) {
        EXPECT_FALSE(answers_fence(frame, wrong)) << wrong;
    }
}

TEST(Fence, AnUnknownCommandIsAnsweredByAnErrorThatQuotesIt) {
    NonceSource nonces;
    std::string frame;
    write_fence(frame, FenceStyle::unknown_command, nonces);
    const std::string nonce = nonce_of(frame);
    EXPECT_EQ(frame, "*1\r\n$32\r\n" + nonce + "\r\n");
    EXPECT_TRUE(answers_fence(frame, "-ERR unknown command '" + nonce + "', with args beginning with: \r\n"));
    EXPECT_TRUE(answers_fence(frame, "-ERR unknown command `" + nonce + "`, with args beginning with: \r\n"));
    for (const std::string& wrong :
         {"$32\r\n" + nonce + "\r\n", std::string("-ERR unknown command 'get'\r\n"),
          std::string("-ERR unknown command '"), std::string("-ERR unknown command "), std::string("-NOPERM no\r\n")}) {
        EXPECT_FALSE(answers_fence(frame, wrong)) << wrong;
    }
}

TEST(Fence, NoNonceIsUsedTwice) {
    NonceSource nonces;
    std::set<std::string> seen;
    std::string frame;
    for (int i = 0; i < 1000; ++i) {  // more than the source fetches at a time
        write_fence(frame, FenceStyle::echo, nonces);
        EXPECT_TRUE(seen.insert(nonce_of(frame)).second);
    }
}

}  // namespace
}  // namespace portal::upstream
