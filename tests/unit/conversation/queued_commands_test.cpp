#include "conversation/queued_commands.hpp"

#include "command/classifier.hpp"
#include "resp/reply_writer.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace portal::conversation {
namespace {

const command::CommandRow& row_of(const std::string& frame) {
    return command::classify(resp::RequestView(frame));
}

TEST(QueuedCommands, KnowsThePlaceOfEachOfThePortalsOwnInTheAnswer) {
    QueuedCommands queued;
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"MULTI"}, {"GET", "k"}, {"WATCH", "k"}, {"CLIENT", "ID"}, {"INCR", "k"}, {"SUBSCRIBE", "c"}, {"EXEC"}}) {
        std::string frame;
        resp::write_array_header(frame, words.size());
        for (const std::string& word : words) {
            resp::write_bulk(frame, word);
        }
        const command::CommandRow& row = row_of(frame);
        if (QueuedCommands::concerns_portal(row.handling)) {
            queued.add(row, frame, nullptr);
        }
        queued.note(row);
    }
    ASSERT_EQ(queued.own().size(), 2U);
    EXPECT_EQ(queued.own()[0].place, 1U);
    EXPECT_EQ(queued.own()[1].place, 3U);
    EXPECT_EQ(queued.count(), 4U);
    EXPECT_TRUE(queued.writes());
    EXPECT_TRUE(queued.subscribes());
    queued.clear();
    EXPECT_EQ(queued.count(), 0U);
    EXPECT_TRUE(queued.own().empty());
}

}  // namespace
}  // namespace portal::conversation
