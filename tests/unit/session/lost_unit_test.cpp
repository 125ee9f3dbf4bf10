#include "session/lost_unit.hpp"

#include "command/classifier.hpp"
#include "resp/reply_writer.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace portal::session {
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

}  // namespace
}  // namespace portal::session
