#include "conversation/lost_unit.hpp"

#include "command/classifier.hpp"
#include "resp/reply_writer.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace portal::conversation {
namespace {

/// Requests by their names; those in lower case travel by themselves.
std::vector<Lost> lost(const std::vector<std::string>& names) {
    std::vector<Lost> all;
    for (const std::string& name : names) {
        std::string frame;
        resp::write_request(frame, name);
        Lost each;
        each.request.tag = static_cast<std::uint32_t>(command::index_of(command::classify(resp::RequestView(frame))));
        each.request.unit = name.front() < 'a';
        all.push_back(std::move(each));
    }
    return all;
}

std::size_t size_of_unit(const std::vector<std::string>& names) {
    std::vector<Lost> all = lost(names);
    return unit_at_front(all).size();
}

TEST(LostUnit, EndsWithItsOwnExecOrDiscard) {
    EXPECT_EQ(size_of_unit({"MULTI", "SET", "EXEC", "MULTI", "GET", "EXEC"}), 3U);
    EXPECT_EQ(size_of_unit({"MULTI", "DISCARD", "get"}), 2U);
}

TEST(LostUnit, MayHaveLostItsBeginning) {
    EXPECT_EQ(size_of_unit({"SET", "GET", "EXEC", "set"}), 3U);
    EXPECT_EQ(size_of_unit({"EXEC"}), 1U);
}

TEST(LostUnit, WithoutItsEndTakesNothingThatIsNotItsOwn) {
    EXPECT_EQ(size_of_unit({"MULTI", "SET"}), 2U);
    EXPECT_EQ(size_of_unit({"MULTI", "SET", "exec"}), 2U);
    EXPECT_EQ(size_of_unit({"MULTI", "SET", "MULTI", "EXEC"}), 2U);
    EXPECT_EQ(size_of_unit({"MULTI", "set", "EXEC"}), 1U);
}

/// Those before `sent` reached the node.
bool may_have_run_of(const std::vector<std::string>& names, std::size_t sent, bool unit) {
    std::vector<Lost> all = lost(names);
    for (std::size_t i = 0; i < std::min(sent, all.size()); ++i) {
        all[i].sent = true;
    }
    return may_have_run(all, unit);
}

TEST(LostUnit, MayHaveRunWhereAWriteWasSentBehindAMultiThatNobodyAnswered) {
    EXPECT_TRUE(may_have_run_of({"MULTI", "GET", "SET", "EXEC"}, 3, true));
    EXPECT_TRUE(may_have_run_of({"multi", "set", "discard"}, 3, false));
    EXPECT_FALSE(may_have_run_of({"multi", "set", "discard"}, 1, false)) << "the write never left";
    EXPECT_FALSE(may_have_run_of({"multi", "get", "exec"}, 2, false)) << "it only reads";
    EXPECT_FALSE(may_have_run_of({"set", "discard"}, 2, false)) << "the node has accepted the MULTI";
    EXPECT_FALSE(may_have_run_of({"MULTI", "SET", "EXEC"}, 3, false)) << "it is another kind that is asked for";
    EXPECT_FALSE(may_have_run_of({"set", "MULTI", "GET", "EXEC"}, 4, true)) << "the write came before";
}

}  // namespace
}  // namespace portal::conversation
