#include "resp/frame_scanner.hpp"
#include "tests/unit/resp/feed.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace portal::resp {
namespace {

using testing::byte_by_byte;
using testing::Drop;
using testing::Event;
using testing::feed_replies;
using testing::Outcome;

/// The outcome of the whole input, which must also be that of the input in two pieces, cut anywhere, of single bytes,
/// and of any of these while scanned bytes are dropped.
Outcome outcome_of(std::string_view input, const ReplyLimits& limits = {}) {
    const Outcome whole = feed_replies(limits, input);
    for (const Drop& drop : {Drop(testing::drop_nothing), Drop(testing::drop_everything), Drop(testing::drop_half)}) {
        EXPECT_EQ(whole, feed_replies(limits, input, byte_by_byte(input), drop));
        for (std::size_t cut = 0; cut < input.size(); ++cut) {
            EXPECT_EQ(whole, feed_replies(limits, input, {cut}, drop)) << "cut at " << cut;
        }
    }
    return whole;
}

/// Expects that `reply` is one value of type `type` and that no prefix of it is one.
void expect_one(const std::string& reply, char type) {
    const std::vector<Event> expected = {{ScanStatus::complete, reply, {}, type},
                                         {ScanStatus::complete, "+OK\r\n", {}, '+'}};
    EXPECT_EQ(outcome_of(reply + "+OK\r\n").events, expected) << reply;
    for (std::size_t size = 0; size < reply.size(); ++size) {
        const Outcome prefix = feed_replies({}, reply.substr(0, size));
        EXPECT_TRUE(prefix.events.empty()) << reply << " up to " << size;
        EXPECT_EQ(prefix.unfinished, size);
    }
}

std::string error_of(const std::string& reply, const ReplyLimits& limits = {}) {
    const Outcome outcome = outcome_of(reply, limits);
    return outcome.events.empty() ? "" : outcome.events.back().error;
}

TEST(ReplyScanner, FramesLines) {
    expect_one("+OK\r\n", '+');
    expect_one("+\r\n", '+');
    expect_one("-ERR something that is rather longer than a short line\r\n", '-');
    expect_one(":-42\r\n", ':');
    expect_one(",3.25\r\n", ',');
    expect_one(",inf\r\n", ',');
    expect_one("(3492890328409238509324850943850943825024385\r\n", '(');
    expect_one("#t\r\n", '#');
    expect_one("_\r\n", '_');
}

TEST(ReplyScanner, ALineEndsAtCrLfAndAtNothingLess) {
    expect_one("+a\rb\nc\r\r\n", '+');
    expect_one("-" + std::string(40, '\r') + "\r\n", '-');
}

TEST(ReplyScanner, FramesStrings) {
    expect_one("$0\r\n\r\n", '$');
    expect_one("$5\r\nhello\r\n", '$');
    expect_one("$6\r\n\r\n\r\n\r\n\r\n", '$');
    expect_one("$64\r\n" + std::string(64, 'x') + "\r\n", '$');
    expect_one("$1234\r\n" + std::string(1234, '\r') + "\r\n", '$');
    expect_one("$-1\r\n", '$');
    expect_one("!21\r\nSYNTAX invalid syntax\r\n", '!');
    expect_one("=15\r\ntxt:Some string\r\n", '=');
}

TEST(ReplyScanner, FramesAggregates) {
    expect_one("*0\r\n", '*');
    expect_one("*-1\r\n", '*');
    expect_one("*2\r\n$3\r\nfoo\r\n:1\r\n", '*');
    expect_one("%0\r\n", '%');
    expect_one("%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n", '%');
    expect_one("~2\r\n+a\r\n+b\r\n", '~');
    expect_one(">3\r\n+message\r\n+channel\r\n$2\r\nhi\r\n", '>');
    expect_one("*3\r\n*0\r\n*2\r\n*-1\r\n*1\r\n:1\r\n%1\r\n~0\r\n$-1\r\n", '*');
    expect_one("*1\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n", '*');
}

TEST(ReplyScanner, AMessageBetweenTwoElementsIsNoneOfThem) {
    const std::string message = ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n";
    const std::string invalidate = ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n";
    expect_one("*3\r\n" + message + ":1\r\n+OK\r\n$2\r\npp\r\n", '*');
    expect_one("*3\r\n:1\r\n" + invalidate + "+OK\r\n" + message + message + "$2\r\npp\r\n", '*');
    expect_one("*1\r\n" + message + "*1\r\n" + invalidate + ":1\r\n", '*');
    expect_one("*1\r\n>0\r\n", '*');
    expect_one("|1\r\n+a\r\n*1\r\n:1\r\n" + message, '>');  // an attribute is not what it would stand in
}

TEST(ReplyScanner, AMalformedLengthInAMessageBetweenElementsIsNotWaitedFor) {
    const ReplyLimits limits;
    for (const std::string length : {"$05", "$00", "$x", "$1x"}) {
        ReplyScanner scanner(limits);
        EXPECT_EQ(scanner.scan("*2\r\n>2\r\n" + length).status, ScanStatus::error) << length;
    }
}

TEST(ReplyScanner, AttributesBelongToTheValueThatFollows) {
    expect_one("|1\r\n+key\r\n+value\r\n:1\r\n", ':');
    expect_one("|0\r\n+a\r\n", '+');
    expect_one("|1\r\n+a\r\n*2\r\n:1\r\n:2\r\n$2\r\nhi\r\n", '$');
    expect_one("|1\r\n|1\r\n+x\r\n+y\r\n+a\r\n+b\r\n|1\r\n+c\r\n+d\r\n%0\r\n", '%');
    expect_one("*3\r\n:1\r\n|1\r\n+ttl\r\n:3600\r\n:2\r\n:3\r\n", '*');
    expect_one("|1\r\n*?\r\n:1\r\n.\r\n+b\r\n#t\r\n", '#');
}

TEST(ReplyScanner, FramesStreamedStrings) {
    expect_one("$?\r\n;4\r\nHell\r\n;5\r\no wor\r\n;1\r\nd\r\n;0\r\n", '$');
    expect_one("$?\r\n;0\r\n", '$');
    expect_one("*2\r\n$?\r\n;2\r\n;0\r\n;0\r\n$2\r\nab\r\n", '*');
}

TEST(ReplyScanner, FramesStreamedAggregates) {
    expect_one("*?\r\n:1\r\n:2\r\n.\r\n", '*');
    expect_one("*?\r\n.\r\n", '*');
    expect_one("~?\r\n+a\r\n.\r\n", '~');
    expect_one("%?\r\n+a\r\n:1\r\n+b\r\n*?\r\n.\r\n.\r\n", '%');
    expect_one("*2\r\n*?\r\n*2\r\n:1\r\n%?\r\n:1\r\n~?\r\n.\r\n.\r\n$?\r\n;1\r\nx\r\n;0\r\n.\r\n+end\r\n", '*');
    expect_one("*?\r\n|1\r\n+a\r\n+b\r\n:1\r\n|0\r\n:2\r\n.\r\n", '*');
}

TEST(ReplyScanner, FramesRepliesThatFollowEachOther) {
    const std::vector<Event> expected = {{ScanStatus::complete, "+OK\r\n", {}, '+'},
                                         {ScanStatus::complete, ">1\r\n+a\r\n", {}, '>'},
                                         {ScanStatus::complete, "$-1\r\n", {}, '$'},
                                         {ScanStatus::complete, "*1\r\n:1\r\n", {}, '*'},
                                         {ScanStatus::complete, "-ERR x\r\n", {}, '-'}};
    EXPECT_EQ(outcome_of("+OK\r\n>1\r\n+a\r\n$-1\r\n*1\r\n:1\r\n-ERR x\r\n").events, expected);
}

TEST(ReplyScanner, NestingOfAnnouncedLengthsHasNoLimit) {
    std::string reply;
    for (int i = 0; i < 5000; ++i) {
        reply += i % 2 == 0 ? "*1\r\n" : "%1\r\n+k\r\n";
    }
    reply += ":1\r\n";
    const ReplyLimits limits;
    const std::vector<Event> expected = {{ScanStatus::complete, reply, {}, '*'}};
    EXPECT_EQ(feed_replies(limits, reply).events, expected);
    EXPECT_EQ(feed_replies(limits, reply, {1, 77, 20000, 20001, 20002}, testing::drop_everything).events, expected);
}

TEST(ReplyScanner, RefusesWhatIsNotResp) {
    const std::vector<std::string> replies = {"x\r\n",
                                              "\r\n",
                                              "PONG\r\n",
                                              " +OK\r\n",
                                              std::string(1, '\0'),
                                              "$\r\n",
                                              "$x\r\n",
                                              "$-2\r\n",
                                              "$-\r\n",
                                              "$+1\r\n",
                                              "$01\r\na\r\n",
                                              "$ 1\r\n",
                                              "$1 \r\n",
                                              "$1\n",
                                              "$1\rx",
                                              "$1\rxa\r\n",
                                              "$1\r\nab\r\n",
                                              "$1\r\na\rx",
                                              "$2\r\na\r\n\r",
                                              "$9223372036854775808\r\n",
                                              "$99999999999999999999999\r\n",
                                              "*-2\r\n",
                                              "*x\r\n",
                                              "%-1\r\n",
                                              "~-1\r\n",
                                              ">-1\r\n",
                                              "|-1\r\n",
                                              "!-1\r\n",
                                              "=-1\r\n",
                                              "!?\r\n",
                                              "=?\r\n",
                                              ">?\r\n",
                                              "|?\r\n",
                                              ".\r\n",
                                              ";1\r\n",
                                              "*1\r\n.\r\n",
                                              "*?\r\n.x",
                                              "%?\r\n+k\r\n.\r\n",
                                              "*?\r\n*1\r\n.\r\n",
                                              "*?\r\n|0\r\n.\r\n",
                                              "$?\r\n+x\r\n",
                                              "$?\r\n;-1\r\n",
                                              "$?\r\n;?\r\n",
                                              "$?\r\n;1\r\nabc",
                                              "*2\r\n:1\r\nx",
                                              "$?\r\n.\r\n",
                                              "$1\r\na*1\r\n",
                                              "*??",
                                              "$?1",
                                              "$-1x"};
    for (const std::string& reply : replies) {
        EXPECT_EQ(error_of(reply), "malformed reply") << reply;
    }
}

TEST(ReplyScanner, SaysNoAtTheFirstByteThatCannotBeRight) {
    // A node that sends this would otherwise be waited for.
    for (const std::string_view start : {"x", "$x", "$-2", "*-1x", "$1x", "$00", "*?x", ".", "$?\r\nx", "$1\r\naxx"}) {
        EXPECT_EQ(error_of(std::string(start)), "malformed reply") << start;
    }
}

TEST(ReplyScanner, StaysInErrorWhateverFollows) {
    const ReplyLimits limits;
    ReplyScanner scanner(limits);
    EXPECT_EQ(scanner.scan("x").status, ScanStatus::error);
    EXPECT_EQ(scanner.scan("+OK\r\n").error, Error::malformed_reply);
}

TEST(ReplyScanner, LimitsTheLengthOfAString) {
    const ReplyLimits limits{.bulk = 10};
    EXPECT_EQ(error_of("$10\r\n0123456789\r\n", limits), "");
    EXPECT_EQ(error_of("$11\r\n", limits), "reply too large");
    EXPECT_EQ(error_of("$11\r\n01234567890\r\n", limits), "reply too large");
    EXPECT_EQ(error_of("!11\r\n", limits), "reply too large");
    EXPECT_EQ(error_of("=11\r\n", limits), "reply too large");
    EXPECT_EQ(error_of("*1\r\n$11\r\n", limits), "reply too large");
    EXPECT_EQ(error_of("$?\r\n;11\r\n", limits), "reply too large");
    EXPECT_EQ(error_of("$9223372036854775807\r\n"), "reply too large");
}

TEST(ReplyScanner, LimitsTheLengthOfALine) {
    for (const std::int64_t most : {5, 20, 30, 100}) {
        const ReplyLimits limits{.line = most};
        const std::string line(static_cast<std::size_t>(most), 'x');
        EXPECT_EQ(error_of("+" + line + "\r\n", limits), "") << most;
        EXPECT_EQ(error_of("+" + line + "x\r\n", limits), "reply too large") << most;
        EXPECT_EQ(error_of("+" + line + "x", limits), "reply too large") << most;
        EXPECT_EQ(error_of("+" + line + "\rx", limits), "reply too large") << most;
    }
}

TEST(ReplyScanner, ReadsALineOfAMegabyteThatAScriptMadeUp) {
    const std::string reply = "-" + std::string(1 << 20, 'x') + "\r\n";
    const ReplyLimits limits;
    std::vector<std::size_t> cuts;
    for (std::size_t cut = 0; cut < reply.size(); cut += 4096) {
        cuts.push_back(cut);
    }
    const Outcome outcome = feed_replies(limits, reply, cuts, testing::drop_everything);
    ASSERT_EQ(outcome.events.size(), 1U);
    EXPECT_EQ(outcome.events[0].bytes.size(), reply.size());
}

TEST(ReplyScanner, LimitsTheDepthOfStreamedAggregates) {
    std::string reply;
    for (int i = 0; i < 32; ++i) {
        reply += "*?\r\n";
    }
    EXPECT_EQ(error_of(reply), "");
    EXPECT_EQ(error_of(reply + "*?\r\n"), "reply nested too deep");
    EXPECT_EQ(error_of("*?\r\n*?\r\n*?\r\n", {.depth = 2}), "reply nested too deep");
    // The stack has 32 places, whatever the configured limit.
    EXPECT_EQ(error_of(reply + "*?\r\n", {.depth = 1000}), "reply nested too deep");
}

TEST(ReplyScanner, CountsThatAddUpToMoreThan63BitsAreRefused) {
    EXPECT_EQ(error_of("*9223372036854775806\r\n"), "");
    EXPECT_EQ(error_of("*9223372036854775807\r\n"), "reply too large");
    EXPECT_EQ(error_of("*9223372036854775806\r\n*2\r\n"), "reply too large");
    EXPECT_EQ(error_of("%4611686018427387904\r\n"), "reply too large");
    EXPECT_EQ(error_of("*?\r\n*9223372036854775806\r\n|1\r\n"), "reply too large");
}

TEST(ReplyScanner, KnowsTheTypeOfTheValueItWorksOn) {
    const ReplyLimits limits;
    ReplyScanner scanner(limits);
    EXPECT_EQ(scanner.type(), 0);
    EXPECT_EQ(scanner.scan("").status, ScanStatus::need_more);
    EXPECT_EQ(scanner.type(), 0);
    std::string bytes = "|1\r\n+a\r\n+b\r\n";
    EXPECT_EQ(scanner.scan(bytes).status, ScanStatus::need_more);
    EXPECT_EQ(scanner.type(), 0);
    bytes += '>';
    EXPECT_EQ(scanner.scan(bytes).status, ScanStatus::need_more);
    EXPECT_EQ(scanner.type(), '>');
    bytes += "2\r\n+a\r\n";
    EXPECT_EQ(scanner.scan(bytes).status, ScanStatus::need_more);
    EXPECT_EQ(scanner.type(), '>');
    bytes += ":1\r\n";
    EXPECT_EQ(scanner.scan(bytes).status, ScanStatus::complete);
    EXPECT_EQ(scanner.type(), '>');
    EXPECT_EQ(scanner.scan("|").status, ScanStatus::need_more);
    EXPECT_EQ(scanner.type(), 0);
}

TEST(ReplyScanner, ABigStringPassesThroughASmallWindow) {
    const ReplyLimits limits;
    ReplyScanner scanner(limits);
    const std::string head = "*2\r\n$1000000\r\n";
    EXPECT_EQ(scanner.scan(head).status, ScanStatus::need_more);
    EXPECT_EQ(scanner.scanned(), head.size());
    scanner.dropped(head.size());
    EXPECT_EQ(scanner.scanned(), 0U);
    const std::string window(1000, 'x');
    for (int i = 0; i < 1000; ++i) {
        EXPECT_EQ(scanner.scan(window).status, ScanStatus::need_more);
        EXPECT_EQ(scanner.scanned(), window.size());
        scanner.dropped(window.size());
    }
    const ScanResult result = scanner.scan("\r\n:1\r\n+OK\r\n");
    EXPECT_EQ(result.status, ScanStatus::complete);
    EXPECT_EQ(result.size, 6U);
    EXPECT_EQ(scanner.type(), '*');
}

TEST(ReplyScanner, TellsWhatIsAnnouncedButNotThereYet) {
    const ReplyLimits limits;
    ReplyScanner bulk(limits);
    bulk.scan("$1000\r\nabc");
    EXPECT_EQ(bulk.announced(), 997 + 3U);  // what is missing of the string, and the least that a value takes
    ReplyScanner array(limits);
    array.scan("*1000000\r\n:1\r\n");
    EXPECT_EQ(array.announced(), 3 * 999'999U);
    ReplyScanner endless(limits);
    endless.scan("*9223372036854775806\r\n");
    EXPECT_GT(endless.announced(), 1ULL << 48U);
}

}  // namespace
}  // namespace portal::resp
