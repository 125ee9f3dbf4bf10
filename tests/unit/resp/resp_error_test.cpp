#include "resp/resp_error.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace portal::resp {
namespace {

constexpr int kFirst = static_cast<int>(Error::too_big_inline_request);
constexpr int kLast = static_cast<int>(Error::reply_too_large);

TEST(RespError, ConvertsToAnErrorCodeOfItsCategory) {
    const boost::system::error_code code = Error::invalid_bulk_length;
    EXPECT_TRUE(code);
    EXPECT_EQ(&code.category(), &resp_category());
    EXPECT_STREQ(code.category().name(), "resp");
    EXPECT_EQ(code, Error::invalid_bulk_length);
    EXPECT_NE(code, Error::malformed_reply);
    EXPECT_EQ(code.message(), "Protocol error: invalid bulk length");
}

TEST(RespError, EveryErrorHasATextOfItsOwn) {
    std::set<std::string> texts;
    for (int value = kFirst; value <= kLast; ++value) {
        const std::string text = make_error_code(static_cast<Error>(value)).message();
        EXPECT_NE(text, "unknown error") << value;
        EXPECT_TRUE(texts.insert(text).second) << text;
    }
    EXPECT_EQ(resp_category().message(kLast + 1), "unknown error");
}

TEST(RespError, GivesTheSameTextWithoutAllocating) {
    char buffer[8];
    for (int value = kFirst; value <= kLast; ++value) {
        EXPECT_EQ(resp_category().message(value, buffer, sizeof buffer), resp_category().message(value));
    }
}

}  // namespace
}  // namespace portal::resp
