#include "conversation/cursors.hpp"

#include "resp/reply_writer.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace portal::conversation {
namespace {

replication::Topology led_by(const std::string& name, std::uint64_t epoch, const std::string& process = {}) {
    replication::Topology topology;
    topology.epoch = replication::Epoch{epoch};
    topology.leader = replication::Node{name, {}};
    if (!process.empty()) {
        topology.processes.by_node[name] = process;
    }
    return topology;
}

std::string scan(std::string_view cursor) {
    std::string frame;
    resp::write_request(frame, "SCAN", cursor, "COUNT", "10");
    return frame;
}

std::string hscan(std::string_view cursor) {
    std::string frame;
    resp::write_request(frame, "hscan", "key", cursor);
    return frame;
}

std::string reply(std::string_view cursor) {
    std::string bytes = "*2\r\n";
    resp::write_bulk(bytes, cursor);
    return bytes + "*1\r\n$1\r\nk\r\n";
}

const CursorMark kHere = mark_of(led_by("a", 1, "process-1"));
const CursorMark kThere = mark_of(led_by("a", 1, "process-2"));

std::string cursor_of(const std::string& bytes) {
    const std::size_t begin = bytes.find("\r\n", 4) + 2;
    return bytes.substr(begin, bytes.find("\r\n", begin) - begin);
}

TEST(Cursors, AMarkIsThatOfTheProcessWhereverItLeads) {
    EXPECT_EQ(kHere, mark_of(led_by("a", 7, "process-1")));
    EXPECT_NE(kHere, kThere);
    EXPECT_EQ(mark_of({}), CursorMark::none);
    // Where the process is not known, it is that of one node in one epoch.
    EXPECT_EQ(mark_of(led_by("a", 1)), mark_of(led_by("a", 1)));
    EXPECT_NE(mark_of(led_by("a", 1)), mark_of(led_by("a", 2)));
    EXPECT_NE(mark_of(led_by("a", 1)), mark_of(led_by("b", 1)));
}

TEST(Cursors, MarksDiffer) {
    std::set<CursorMark> marks;
    for (int i = 0; i < 1000; ++i) {
        marks.insert(mark_of(led_by("a", 1, "process-" + std::to_string(i))));
    }
    EXPECT_GE(marks.size(), 998U);
    EXPECT_FALSE(marks.contains(CursorMark::none));
}

TEST(Cursors, AMarkedCursorComesBackToItsProcessAlone) {
    for (const char* cursor : {"1", "17", "8589934591"}) {
        const auto marked = marked_reply(reply(cursor), kHere);
        ASSERT_TRUE(marked);
        const std::string given = cursor_of(*marked);
        EXPECT_LT(std::stoull(given), 1ULL << 53U);
        EXPECT_EQ(origin_of(given, kHere), CursorOrigin::here);
        EXPECT_EQ(origin_of(given, kThere), CursorOrigin::another);
        EXPECT_EQ(without_mark(resp::RequestView(scan(given))), scan(cursor));
        EXPECT_EQ(without_mark(resp::RequestView(hscan(given))), hscan(cursor));
        EXPECT_EQ(with_mark(resp::RequestView(scan(cursor)), kHere), scan(given));
        EXPECT_EQ(*marked, reply(given));
    }
}

TEST(Cursors, BeginningAndEndCarryNoMark) {
    EXPECT_EQ(marked_reply(reply("0"), kHere), std::nullopt);
    EXPECT_EQ(with_mark(resp::RequestView(scan("0")), kHere), scan("0"));
    EXPECT_EQ(origin_of("0", kHere), CursorOrigin::plain);
}

TEST(Cursors, WhatIsNoCursorIsLeftAsItIs) {
    for (const char* word : {"", "abc", "-1", "+1", " 1", "1 ", "99999999999999999999", "0x10"}) {
        EXPECT_EQ(origin_of(word, kHere), CursorOrigin::plain) << word;
        EXPECT_EQ(without_mark(resp::RequestView(scan(word))), scan(word));
        EXPECT_EQ(with_mark(resp::RequestView(scan(word)), kHere), scan(word));
        EXPECT_EQ(marked_reply(reply(word), kHere), std::nullopt);
    }
}

TEST(Cursors, ACursorTooLargeToBeMarkedIsNotMistakenForOne) {
    EXPECT_EQ(marked_reply(reply("8589934592"), kHere), std::nullopt);
    EXPECT_EQ(origin_of("8589934592", kHere), CursorOrigin::another);
    EXPECT_EQ(origin_of("18446744073709551615", kHere), CursorOrigin::another);
}

TEST(Cursors, RepliesOfAnotherShapeAreLeftAsTheyAre) {
    for (const std::string& bytes :
         {std::string(), std::string("*2\r\n"), std::string("*2\r\n$2\r\n1"), std::string("*2\r\n$3\r\n17\r\n*0\r\n"),
          std::string("*2\r\n$-1\r\n*0\r\n"), std::string("*3\r\n$2\r\n17\r\n"), std::string("-ERR invalid cursor\r\n"),
          std::string("+QUEUED\r\n"), "*2\r\n$100000\r\n" + std::string(100000, '1') + "\r\n"}) {
        EXPECT_EQ(marked_reply(bytes, kHere), std::nullopt) << bytes.substr(0, 40);
    }
    EXPECT_EQ(marked_reply(reply("17"), CursorMark::none), std::nullopt);
}

TEST(Cursors, TheBeginningOfALargeReplyIsEnough) {
    const auto marked = marked_reply("*2\r\n$2\r\n17\r\n*1\r\n$900000\r\nxx", kHere);
    ASSERT_TRUE(marked);
    EXPECT_TRUE(marked->ends_with("*1\r\n$900000\r\nxx"));
}

TEST(Cursors, ARequestWithoutACursorHasNone) {
    std::string frame;
    resp::write_request(frame, "SCAN");
    EXPECT_EQ(cursor_word(resp::RequestView(frame)), 0U);
    EXPECT_EQ(without_mark(resp::RequestView(frame)), frame);
    frame.clear();
    resp::write_request(frame, "HSCAN", "0");
    EXPECT_EQ(cursor_word(resp::RequestView(frame)), 0U);
}

}  // namespace
}  // namespace portal::conversation
