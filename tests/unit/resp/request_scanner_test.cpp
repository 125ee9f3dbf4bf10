#include "resp/frame_scanner.hpp"
#include "tests/unit/resp/feed.hpp"
#include "tests/unit/resp/malformed_requests.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace portal::resp {
namespace {

using testing::byte_by_byte;
using testing::Event;
using testing::feed_requests;
using testing::Outcome;

/// The outcome of the whole input, which must also be that of the input in two pieces, cut anywhere, of single bytes,
/// and of any of these while scanned bytes are dropped.
Outcome outcome_of(std::string_view input, const RequestLimits& limits = {}) {
    const Outcome whole = feed_requests(limits, input);
    EXPECT_EQ(whole, feed_requests(limits, input, byte_by_byte(input)));
    EXPECT_EQ(whole, feed_requests(limits, input, byte_by_byte(input), testing::drop_everything));
    EXPECT_EQ(whole, feed_requests(limits, input, byte_by_byte(input), testing::drop_half));
    // Cutting 64 KiB of the same byte everywhere shows nothing new.
    const std::size_t step = input.size() > 1000 ? 997 : 1;
    for (std::size_t cut = 0; cut < input.size(); cut += step) {
        EXPECT_EQ(whole, feed_requests(limits, input, {cut})) << "cut at " << cut;
        EXPECT_EQ(whole, feed_requests(limits, input, {cut}, testing::drop_everything)) << "dropped, cut at " << cut;
    }
    return whole;
}

std::vector<Event> complete(const std::vector<std::string>& frames) {
    std::vector<Event> events;
    for (const std::string& frame : frames) {
        events.push_back({ScanStatus::complete, frame, {}});
    }
    return events;
}

std::string error_of(const Outcome& outcome) {
    return outcome.events.empty() ? "" : outcome.events.back().error;
}

std::string text_of(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes.substr(0, 60)) {
        const bool plain = byte >= ' ' && byte <= '~';
        text += plain ? std::string(1, byte) : "<" + std::to_string(static_cast<unsigned char>(byte)) + ">";
    }
    return text;
}

TEST(RequestScanner, FramesAMultibulkRequest) {
    const std::string get = "*2\r\n$3\r\nGET\r\n$20\r\n01234567890123456789\r\n";
    EXPECT_EQ(outcome_of(get).events, complete({get}));
}

TEST(RequestScanner, FramesRequestsThatFollowEachOther) {
    const std::string get = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
    const std::string ping = "PING\r\n";
    const std::string set = "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$12\r\n\r\n*1\r\n$1\r\n\r\n\r\n";
    EXPECT_EQ(outcome_of(get + ping + set + get).events, complete({get, ping, set, get}));
}

TEST(RequestScanner, FramesLengthsOfAnyNumberOfDigits) {
    for (const std::size_t size : {0U, 9U, 10U, 99U, 100U, 1000U, 123456U}) {
        const std::string request = "*1\r\n$" + std::to_string(size) + "\r\n" + std::string(size, '\r') + "\r\n";
        EXPECT_EQ(outcome_of(request).events, complete({request})) << size;
    }
}

TEST(RequestScanner, FramesARequestOfManyArguments) {
    std::string request = "*1234\r\n";
    for (int i = 0; i < 1234; ++i) {
        request += "$2\r\nab\r\n";
    }
    EXPECT_EQ(outcome_of(request + "*1\r\n").events, complete({request}));
}

TEST(RequestScanner, EndsAnInlineRequestAtLfWithOrWithoutCr) {
    EXPECT_EQ(outcome_of("PING\nPING\r\nSET a 'b c'\n").events, complete({"PING\n", "PING\r\n", "SET a 'b c'\n"}));
    EXPECT_EQ(outcome_of("PING\rPING").events.size(), 0U);
}

TEST(RequestScanner, PassesOverEmptyCommands) {
    for (const std::string_view input : {"*0\r\n", "*-1\r\n", "*-77\r\n", "\r\n", "\n", "  \t\r\n", "\r\r\n"}) {
        const std::vector<Event> expected = {{ScanStatus::empty, std::string(input), {}},
                                             {ScanStatus::complete, "PING\n", {}}};
        EXPECT_EQ(outcome_of(std::string(input) + "PING\n").events, expected) << text_of(input);
    }
}

TEST(RequestScanner, AnEmptyWordIsACommandAndNotABlankLine) {
    EXPECT_EQ(outcome_of("\"\"\r\n").events, complete({"\"\"\r\n"}));
}

TEST(RequestScanner, ReportsWhatRedisServerReports) {
    for (const testing::MalformedRequest& request : testing::malformed_requests()) {
        const RequestLimits limits{.authenticated = request.authenticated};
        EXPECT_EQ(error_of(outcome_of(request.bytes, limits)), request.error) << text_of(request.bytes);
    }
}

TEST(RequestScanner, StaysInErrorWhateverFollows) {
    const RequestLimits limits;
    RequestScanner scanner(limits);
    EXPECT_EQ(scanner.scan("*x\r\n").status, ScanStatus::error);
    const ScanResult again = scanner.scan("*1\r\n$4\r\nPING\r\n");
    EXPECT_EQ(again.status, ScanStatus::error);
    EXPECT_EQ(again.error, Error::invalid_multibulk_length);
}

TEST(RequestScanner, NeedsMoreForEveryProperPrefix) {
    const std::string request = "*2\r\n$3\r\nGET\r\n$11\r\nhello world\r\n";
    for (std::size_t size = 0; size < request.size(); ++size) {
        const Outcome outcome = outcome_of(request.substr(0, size));
        EXPECT_TRUE(outcome.events.empty()) << size;
        EXPECT_EQ(outcome.unfinished, size);
    }
}

TEST(RequestScanner, AnnouncesWhatAnArgumentStillNeeds) {
    const RequestLimits limits;
    RequestScanner scanner(limits);
    EXPECT_EQ(scanner.announced(), 0U);
    std::string bytes = "*2\r\n$3\r\nSET\r\n";
    EXPECT_EQ(scanner.scan(bytes).status, ScanStatus::need_more);
    EXPECT_EQ(scanner.announced(), 0U);
    bytes += "$1000000\r\n";
    EXPECT_EQ(scanner.scan(bytes).status, ScanStatus::need_more);
    EXPECT_EQ(scanner.announced(), 1000002U);
    bytes += std::string(999999, 'x');
    EXPECT_EQ(scanner.scan(bytes).status, ScanStatus::need_more);
    EXPECT_EQ(scanner.announced(), 3U);
    bytes += "x\r\n";
    EXPECT_EQ(scanner.scan(bytes).status, ScanStatus::complete);
    EXPECT_EQ(scanner.announced(), 0U);
}

TEST(RequestScanner, LimitsTheSizeOfARequestBeforeItsBytesCome) {
    const std::string head = "*2\r\n$3\r\nGET\r\n$100\r\n";
    RequestLimits limits{.request = head.size() + 102};
    EXPECT_EQ(outcome_of(head + std::string(100, 'x') + "\r\n", limits).events.at(0).status, ScanStatus::complete);
    --limits.request;
    EXPECT_EQ(error_of(outcome_of(head, limits)), "Protocol error: request too large");
}

TEST(RequestScanner, LimitsTheSizeOfARequestOfManySmallArguments) {
    const RequestLimits limits{.request = 1000};
    std::string request = "*1000000\r\n";
    for (int i = 0; i < 200; ++i) {
        request += "$0\r\n\r\n";
    }
    EXPECT_EQ(error_of(outcome_of(request, limits)), "Protocol error: request too large");
}

TEST(RequestScanner, LimitsTheSizeOfAnInlineRequest) {
    EXPECT_EQ(outcome_of("PING\r\n", {.request = 6}).events, complete({"PING\r\n"}));
    EXPECT_EQ(error_of(outcome_of("PING \r\n", {.request = 6})), "Protocol error: request too large");
}

TEST(RequestScanner, RefusesALineThatEndsTooLate) {
    // redis-server refuses it too, unless the read that passes the limit brings the line end as well.
    EXPECT_EQ(outcome_of(std::string(65536, 'x') + "\n").events.at(0).status, ScanStatus::complete);
    EXPECT_EQ(error_of(outcome_of(std::string(65537, 'x') + "\n")), "Protocol error: too big inline request");
    EXPECT_EQ(error_of(outcome_of("*" + std::string(65536, '1') + "\r\n")),
              "Protocol error: too big mbulk count string");
    EXPECT_EQ(error_of(outcome_of("*1\r\n$" + std::string(65536, '1') + "\r\n")),
              "Protocol error: too big bulk count string");
}

TEST(RequestScanner, FollowsNewLimitsFromTheNextLineOn) {
    const RequestLimits before{.authenticated = false};
    const RequestLimits after;
    RequestScanner scanner(before);
    EXPECT_EQ(scanner.scan("*10\r\n").status, ScanStatus::need_more);
    scanner.set_limits(after);
    EXPECT_EQ(scanner.scan("*10\r\n$16385\r\n").status, ScanStatus::need_more);
    EXPECT_EQ(scanner.announced(), 16387U);
}

}  // namespace
}  // namespace portal::resp
