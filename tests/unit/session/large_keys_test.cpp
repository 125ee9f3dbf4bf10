#include "session/large_keys.hpp"

#include <string>

#include <gtest/gtest.h>

namespace portal::session {
namespace {

using std::chrono::seconds;

TEST(LargeKeys, AKeyIsRememberedForAMinuteAfterItWasNotedLast) {
    LargeKeys keys;
    const LargeKeys::Clock::time_point start{};
    EXPECT_FALSE(keys.any());
    keys.note("big", start);
    keys.note("big", start + seconds(30));
    EXPECT_TRUE(keys.contains("big"));
    EXPECT_FALSE(keys.contains("small"));
    keys.forget_old(start + seconds(89));
    EXPECT_TRUE(keys.contains("big"));
    keys.forget_old(start + seconds(90));
    EXPECT_FALSE(keys.contains("big"));
    EXPECT_FALSE(keys.any());
}

TEST(LargeKeys, MoreKeysThanThereIsRoomForPushOutOlderOnes) {
    LargeKeys keys;
    const LargeKeys::Clock::time_point start{};
    for (int i = 0; i < 10000; ++i) {
        const std::string key = "key:" + std::to_string(i);
        keys.note(key, start);
        ASSERT_TRUE(keys.contains(key));
    }
    keys.forget_old(start + LargeKeys::kRemembered);
    EXPECT_FALSE(keys.any());
}

}  // namespace
}  // namespace portal::session
