#include "observe/shard_counters.hpp"

#include <gtest/gtest.h>

namespace portal::observe {
namespace {

TEST(ReplyErrors, AreKnownByTheirFirstWord) {
    EXPECT_EQ(error_of("-ERR unknown command\r\n"), ReplyError::err);
    EXPECT_EQ(error_of("-WRONGTYPE Operation against a key\r\n"), ReplyError::wrongtype);
    EXPECT_EQ(error_of("-OOM command not allowed\r\n"), ReplyError::oom);
    EXPECT_EQ(error_of("-MISCONF Redis is configured\r\n"), ReplyError::misconf);
    EXPECT_EQ(error_of("-NOPERM\r\n"), ReplyError::noperm);
}

TEST(ReplyErrors, WordsThatScriptsAndModulesMakeUpAreOther) {
    EXPECT_EQ(error_of("-ERROR of mine\r\n"), ReplyError::other);
    EXPECT_EQ(error_of("-oom\r\n"), ReplyError::other);
    EXPECT_EQ(error_of("-"), ReplyError::other);
    EXPECT_EQ(error_of(""), ReplyError::other);
}

}  // namespace
}  // namespace portal::observe
