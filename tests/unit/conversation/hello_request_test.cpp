#include "conversation/hello_request.hpp"

#include "conversation/client_errors.hpp"

#include <gtest/gtest.h>

namespace portal::conversation {
namespace {

template <typename... Words>
HelloRequest hello(Words... words) {
    std::string frame;
    resp::write_request(frame, "HELLO", words...);
    return read_hello(resp::RequestView(frame), resp::Protocol::resp2);
}

TEST(HelloRequest, KeepsTheProtocolWhenNoneIsNamed) {
    EXPECT_EQ(hello().protocol, resp::Protocol::resp2);
    EXPECT_EQ(hello("3").protocol, resp::Protocol::resp3);
}

TEST(HelloRequest, TakesLoginAndNameInAnyOrder) {
    const HelloRequest read = hello("3", "SETNAME", "me", "auth", "user", "password");
    EXPECT_EQ(read.error, "");
    EXPECT_TRUE(read.logs_in);
    EXPECT_EQ(read.username, "user");
    EXPECT_EQ(read.password, "password");
    EXPECT_EQ(read.name, "me");
}

TEST(HelloRequest, IsRefusedInRedissWords) {
    EXPECT_EQ(hello("x").error, client_errors::kProtocolNotInteger);
    EXPECT_EQ(hello("4").error, client_errors::kNoProto);
    EXPECT_EQ(hello("3", "SETNAME", "two words").error, client_errors::kClientName);
    EXPECT_EQ(hello("3", "AUTH", "user").error, "ERR Syntax error in HELLO option 'AUTH'");
}

}  // namespace
}  // namespace portal::conversation
