#include "resp/limits.hpp"

#include <gtest/gtest.h>

namespace portal::resp {
namespace {

TEST(RequestLimits, AreRedisServersOwn) {
    const RequestLimits limits;
    EXPECT_EQ(limits.line, 65536U);             // PROTO_INLINE_MAX_SIZE
    EXPECT_EQ(limits.arguments, 2147483647);    // INT_MAX
    EXPECT_EQ(limits.bulk, 512 * 1024 * 1024);  // proto-max-bulk-len
    EXPECT_TRUE(limits.authenticated);
}

TEST(RequestLimits, ARequestMayHoldTheLongestArgument) {
    const RequestLimits limits;
    EXPECT_GT(limits.request, static_cast<std::uint64_t>(limits.bulk) + 1000);
}

TEST(ReplyLimits, LetPassWhateverAClientMaySend) {
    const ReplyLimits limits;
    EXPECT_GE(limits.bulk, RequestLimits{}.bulk);
    EXPECT_GE(limits.line, RequestLimits{}.bulk);
}

}  // namespace
}  // namespace portal::resp
