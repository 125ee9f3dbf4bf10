#include "admin/access.hpp"

#include <gtest/gtest.h>

namespace portal::admin {
namespace {

using boost::asio::ip::make_address;

TEST(Access, LoopbackIsWhatComesFromTheSameMachine) {
    EXPECT_TRUE(is_loopback(make_address("127.0.0.1")));
    EXPECT_TRUE(is_loopback(make_address("127.8.9.10")));
    EXPECT_TRUE(is_loopback(make_address("::1")));
    EXPECT_TRUE(is_loopback(make_address("::ffff:127.0.0.1")));
}

TEST(Access, EverythingElseIsNot) {
    for (const auto* text : {"10.0.0.1", "192.168.1.1", "0.0.0.0", "128.0.0.1", "126.255.255.255", "::", "::2",
                             "fe80::1", "::ffff:10.0.0.1", "::127.0.0.1", "2001:db8::127:0:0:1"}) {
        EXPECT_FALSE(is_loopback(make_address(text))) << text;
    }
}

TEST(Access, AChangeIsRefusedWithASentenceUnlessItComesFromHereAndNotFromAWebPage) {
    EXPECT_EQ(refuse_change(make_address("127.0.0.1"), std::nullopt), std::nullopt);
    const auto from_afar = refuse_change(make_address("10.0.0.1"), std::nullopt);
    ASSERT_TRUE(from_afar);
    EXPECT_NE(from_afar->find("only from the machine"), std::string::npos);
    for (const auto* origin : {"http://evil.example", "null", "http://127.0.0.1:9380", ""}) {
        const auto from_page = refuse_change(make_address("127.0.0.1"), origin);
        ASSERT_TRUE(from_page) << origin;
        EXPECT_NE(from_page->find("web pages"), std::string::npos);
    }
}

}  // namespace
}  // namespace portal::admin
