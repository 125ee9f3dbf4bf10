#include "command/block_timeout.hpp"

#include "command/classifier.hpp"
#include "request_of.hpp"

#include <gtest/gtest.h>

namespace portal::command {
namespace {

using std::chrono::milliseconds;

std::string less(const std::vector<std::string>& words, milliseconds waited) {
    const RequestOf made(words);
    const resp::RequestView& request = made;
    std::string joined;
    const std::string result = with_less_timeout(classify(request), request, waited);
    const resp::RequestView changed(result);
    for (std::size_t i = 0; i < changed.argc(); ++i) {
        joined += (i == 0 ? "" : " ") + std::string(changed.arg(i));
    }
    return joined;
}

TEST(BlockTimeout, TheTimeThatWasWaitedIsTakenOffWhereverTheTimeoutStands) {
    EXPECT_EQ(less({"BLPOP", "a", "b", "5"}, milliseconds(1500)), "BLPOP a b 3.500");
    EXPECT_EQ(less({"blmove", "a", "b", "LEFT", "RIGHT", "0.5"}, milliseconds(100)), "blmove a b LEFT RIGHT 0.400");
    EXPECT_EQ(less({"BLMPOP", "2", "1", "a", "LEFT"}, milliseconds(500)), "BLMPOP 1.500 1 a LEFT");
    EXPECT_EQ(less({"XREAD", "COUNT", "1", "BLOCK", "900", "STREAMS", "s", "$"}, milliseconds(250)),
              "XREAD COUNT 1 BLOCK 650 STREAMS s $");
}

TEST(BlockTimeout, HowMuchToMoveStandsBehindTheTimeoutOfBlmovem) {
    EXPECT_EQ(less({"BLMOVEM", "a", "b", "LEFT", "RIGHT", "5", "COUNT", "7", "OBO"}, milliseconds(1500)),
              "BLMOVEM a b LEFT RIGHT 3.500 COUNT 7 OBO");
    EXPECT_EQ(less({"BLMOVEM", "a", "b", "LEFT", "RIGHT", "5"}, milliseconds(1500)), "BLMOVEM a b LEFT RIGHT 3.500");
    EXPECT_EQ(less({"BLMOVEM", "a", "b", "5"}, milliseconds(1500)), "BLMOVEM a b 5");
}

TEST(BlockTimeout, TimeSeriesWaitForMilliseconds) {
    EXPECT_EQ(less({"TS.READ", "block", "700", "BLOCK", "900", "3", "MAX_COUNT", "5"}, milliseconds(250)),
              "TS.READ block 700 BLOCK 650 3 MAX_COUNT 5");
    EXPECT_EQ(less({"TS.READ", "k", "700", "MAX_COUNT", "5"}, milliseconds(250)), "TS.READ k 700 MAX_COUNT 5");
}

TEST(BlockTimeout, AGroupConsumerOrStreamOfThatNameIsNoOption) {
    EXPECT_EQ(less({"XREADGROUP", "GROUP", "block", "700", "BLOCK", "900", "STREAMS", "s", ">"}, milliseconds(250)),
              "XREADGROUP GROUP block 700 BLOCK 650 STREAMS s >");
    EXPECT_EQ(less({"XREADGROUP", "BLOCK", "900", "GROUP", "g", "block", "STREAMS", "block", ">"}, milliseconds(250)),
              "XREADGROUP BLOCK 650 GROUP g block STREAMS block >");
}

TEST(BlockTimeout, NewerOptionsStandBeforeItAsWell) {
    EXPECT_EQ(
        less({"XREAD", "MAXCOUNT", "5", "MAXSIZE", "700", "BLOCK", "900", "STREAMS", "s", "$"}, milliseconds(250)),
        "XREAD MAXCOUNT 5 MAXSIZE 700 BLOCK 650 STREAMS s $");
}

TEST(BlockTimeout, TheLastOfSeveralCountsAsInRedis) {
    EXPECT_EQ(less({"XREAD", "BLOCK", "5000", "BLOCK", "900", "STREAMS", "s", "$"}, milliseconds(250)),
              "XREAD BLOCK 5000 BLOCK 650 STREAMS s $");
}

TEST(BlockTimeout, SomethingAlwaysRemainsSinceZeroWouldMeanForEver) {
    EXPECT_EQ(less({"BRPOP", "a", "1"}, milliseconds(5000)), "BRPOP a 0.001");
    EXPECT_EQ(less({"XREAD", "BLOCK", "100", "STREAMS", "s", "$"}, milliseconds(5000)), "XREAD BLOCK 1 STREAMS s $");
}

TEST(BlockTimeout, WaitingForEverAndNonsenseStayAsTheyAre) {
    EXPECT_EQ(less({"BLPOP", "a", "0"}, milliseconds(500)), "BLPOP a 0");
    EXPECT_EQ(less({"BLPOP", "a", "soon"}, milliseconds(500)), "BLPOP a soon");
    EXPECT_EQ(less({"XREAD", "STREAMS", "block", "0"}, milliseconds(500)), "XREAD STREAMS block 0");
}

}  // namespace
}  // namespace portal::command
