#include "conversation/stream_ids.hpp"

#include "command/classifier.hpp"
#include "resp/reply_writer.hpp"

#include <initializer_list>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace portal::conversation {
namespace {

std::string frame_of(std::initializer_list<std::string_view> words) {
    std::string frame;
    resp::write_array_header(frame, words.size());
    for (const std::string_view word : words) {
        resp::write_bulk(frame, word);
    }
    return frame;
}

class StreamIdsTest : public ::testing::Test {
  protected:
    std::vector<std::string> ask(std::uint64_t slot, const std::string& frame) {
        const resp::RequestView request(frame);
        return ids_.ask(slot, command::classify(request), request);
    }
    StreamIds ids_;
};

const std::string kEntry = "*1\r\n*2\r\n$3\r\n7-3\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n";

TEST_F(StreamIdsTest, ASignIsReplacedByTheIdOfTheLastEntry) {
    const std::string xread = frame_of({"XREAD", "BLOCK", "0", "STREAMS", "s", "$"});
    EXPECT_EQ(ask(4, xread), (std::vector<std::string>{frame_of({"XREVRANGE", "s", "+", "-", "COUNT", "1"})}));
    EXPECT_EQ(ids_.known(4, xread), xread);
    ids_.note_answer(kEntry);
    EXPECT_EQ(ids_.known(4, xread), frame_of({"XREAD", "BLOCK", "0", "STREAMS", "s", "7-3"}));
    EXPECT_EQ(ids_.known(5, xread), xread);
    ids_.forget(4);
    EXPECT_TRUE(ids_.empty());
}

TEST_F(StreamIdsTest, EachStreamIsAskedForItself) {
    const std::string xread =
        frame_of({"xread", "COUNT", "2", "block", "0", "streams", "a", "$", "b", "+", "5-0", "$"});
    EXPECT_EQ(ask(1, xread), (std::vector<std::string>{frame_of({"XREVRANGE", "a", "+", "-", "COUNT", "1"}),
                                                       frame_of({"XREVRANGE", "b", "+", "-", "COUNT", "1"})}));
    ids_.note_answer("*0\r\n");
    ids_.note_answer("-NOPERM no\r\n");
    EXPECT_EQ(ids_.known(1, xread),
              frame_of({"xread", "COUNT", "2", "block", "0", "streams", "a", "$", "b", "0-0", "5-0", "$"}));
}

TEST_F(StreamIdsTest, AStreamThatIsCalledLikeASignIsNone) {
    EXPECT_EQ(ask(1, frame_of({"XREAD", "BLOCK", "0", "STREAMS", "$", "0"})).size(), 0U);
    const std::string xread = frame_of({"XREAD", "BLOCK", "0", "STREAMS", "$", "$"});
    EXPECT_EQ(ask(1, xread).size(), 1U);
    ids_.note_answer(kEntry);
    EXPECT_EQ(ids_.known(1, xread), frame_of({"XREAD", "BLOCK", "0", "STREAMS", "$", "7-3"}));
}

TEST_F(StreamIdsTest, WhatTheNodeRefusesAnywayIsNotAskedFor) {
    for (const std::string& each :
         {frame_of({"XREAD", "BLOCK", "0", "STREAMS"}), frame_of({"XREAD", "BLOCK", "0", "s", "$"}),
          frame_of({"XREAD", "BLOCK", "0", "STREAMS", "s", "t", "$"}),
          frame_of({"XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">"}),
          frame_of({"BLPOP", "STREAMS", "$", "0"})}) {
        EXPECT_EQ(ask(1, each).size(), 0U) << each;
    }
    EXPECT_TRUE(ids_.empty());
}

TEST_F(StreamIdsTest, AnswersGoToWhoAskedFirst) {
    const std::string xread = frame_of({"XREAD", "BLOCK", "0", "STREAMS", "s", "$"});
    static_cast<void>(ask(1, xread));
    static_cast<void>(ask(2, xread));
    ids_.note_answer(kEntry);
    ids_.note_lost();
    ids_.note_answer(kEntry);
    EXPECT_NE(ids_.known(1, xread), xread);
    EXPECT_EQ(ids_.known(2, xread), xread);
}

TEST_F(StreamIdsTest, TheBeginningOfALargeEntryIsEnough) {
    const std::string xread = frame_of({"XREAD", "BLOCK", "0", "STREAMS", "s", "$"});
    for (std::size_t size = 0; size < kEntry.size(); ++size) {
        static_cast<void>(ask(1, xread));
        ids_.note_answer(std::string_view(kEntry).substr(0, size));
        const bool enough = size >= kEntry.find("7-3") + 5;
        EXPECT_EQ(ids_.known(1, xread) != xread, enough) << size;
        ids_.forget(1);
    }
}

TEST_F(StreamIdsTest, AnAnswerThatIsNoneChangesNothing) {
    const std::string xread = frame_of({"XREAD", "BLOCK", "0", "STREAMS", "s", "$"});
    for (const std::string bytes : {"$-1\r\n", "+OK\r\n", ":1\r\n", "*1\r\n", ""}) {
        static_cast<void>(ask(1, xread));
        ids_.note_answer(bytes);
        EXPECT_EQ(ids_.known(1, xread), xread) << bytes;
    }
    ids_.note_answer(kEntry);  // nobody has asked
}

}  // namespace
}  // namespace portal::conversation
