// After a failed connect one user waits for one kind of link, longer each time; nobody else does.
#include "upstream/connect_pauses.hpp"

#include <gtest/gtest.h>

namespace portal::upstream {
namespace {

using Use = LinkStanding::Use;
using std::chrono::milliseconds;

TEST(ConnectPauses, OneUserAndOneKindWait) {
    ConnectPauses pauses;
    const auto now = ConnectPauses::Clock::now();
    EXPECT_TRUE(pauses.empty());
    pauses.failed(Use::leased, "bob", "ERR max number of clients reached", now);
    EXPECT_TRUE(pauses.holds(Use::leased, "bob", now + milliseconds(49)));
    EXPECT_FALSE(pauses.holds(Use::leased, "bob", now + milliseconds(50)));
    EXPECT_FALSE(pauses.holds(Use::shared, "bob", now));
    EXPECT_FALSE(pauses.holds(Use::leased, "eve", now));
    EXPECT_EQ(pauses.why(), "ERR max number of clients reached");
}

TEST(ConnectPauses, ItGrowsToASecondAndSuccessEndsIt) {
    ConnectPauses pauses;
    auto now = ConnectPauses::Clock::now();
    for (const int length : {50, 100, 200, 400, 800, 1000, 1000}) {
        pauses.failed(Use::shared, "bob", "no", now);
        pauses.failed(Use::shared, "bob", "no", now);  // was on its way at the same time
        EXPECT_TRUE(pauses.holds(Use::shared, "bob", now + milliseconds(length - 1))) << length;
        now += milliseconds(length);
        EXPECT_FALSE(pauses.holds(Use::shared, "bob", now)) << length;
    }
    pauses.succeeded(Use::shared, "bob");
    EXPECT_TRUE(pauses.empty());
    EXPECT_EQ(pauses.why(), "");
}

}  // namespace
}  // namespace portal::upstream
