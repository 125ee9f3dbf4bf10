#include "session/output_queue.hpp"

#include <gtest/gtest.h>

namespace portal::session {
namespace {

std::string drained(OutputQueue& queue, std::size_t piece) {
    std::string out;
    while (!queue.empty()) {
        const std::string_view front = queue.front(piece);
        EXPECT_LE(front.size(), piece);
        out += front;
        queue.consume(front.size());
    }
    return out;
}

TEST(OutputQueue, KeepsTheOrderOfBytesAndMessagesWhateverThePieces) {
    for (std::size_t piece = 1; piece < 12; ++piece) {
        OutputQueue queue;
        const upstream::MessagePtr message(new upstream::Message(">2\r\nabc"));
        queue.push("first");
        queue.push(message, '*');
        queue.push(message, '>');
        queue.push(std::string());
        queue.push("last");
        EXPECT_EQ(queue.size(), 5U + 7 + 7 + 4);
        EXPECT_EQ(drained(queue, piece), "first*2\r\nabc>2\r\nabclast");
        EXPECT_EQ(queue.size(), 0U);
    }
}

TEST(OutputQueue, HoldsAReferenceAndNoCopyOfAMessage) {
    OutputQueue queue;
    const upstream::MessagePtr message(new upstream::Message(">1\r\n$1\r\nx\r\n"));
    queue.push(message, '>');
    EXPECT_EQ(queue.front(100).data(), message->bytes.data());
    queue.consume(message->bytes.size());
    EXPECT_EQ(message->use_count(), 1U);
}

}  // namespace
}  // namespace portal::session
