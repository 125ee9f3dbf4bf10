#include "command/classifier.hpp"
#include "request_of.hpp"

#include <gtest/gtest.h>

namespace portal::command {
namespace {

bool denies(const DenyList& list, const std::vector<std::string>& words) {
    const RequestOf request(words);
    return list.denies(classify(request), request);
}

TEST(DenyList, DeniesNothingByDefault) {
    for (const DenyList& list : {DenyList{}, DenyList{{}}}) {
        EXPECT_FALSE(denies(list, {"GET", "key"}));
        EXPECT_FALSE(denies(list, {"SHUTDOWN"}));
        EXPECT_FALSE(denies(list, {"NO.SUCH"}));
    }
}

TEST(DenyList, DeniesTheNamedCommandInAnyCaseAndNoOther) {
    const DenyList list({"SHUTDOWN", "debug", "ReplicaOf"});
    EXPECT_TRUE(denies(list, {"shutdown", "nosave"}));
    EXPECT_TRUE(denies(list, {"DEBUG", "SLEEP", "1"}));
    EXPECT_TRUE(denies(list, {"rEPLICAoF", "no", "one"}));
    EXPECT_FALSE(denies(list, {"SLAVEOF", "no", "one"}));
    EXPECT_FALSE(denies(list, {"GET", "debug"}));
    EXPECT_FALSE(denies(list, {"NO.SUCH"}));
}

TEST(DenyList, DeniesEverySubcommandOfANamedCommand) {
    const DenyList list({"config"});
    EXPECT_TRUE(denies(list, {"CONFIG", "GET", "*"}));
    EXPECT_TRUE(denies(list, {"CONFIG", "SET", "a", "b"}));
    EXPECT_TRUE(denies(list, {"CONFIG", "NOSUCH"}));
    EXPECT_TRUE(denies(list, {"CONFIG"}));
    EXPECT_FALSE(denies(list, {"CLIENT", "ID"}));
}

TEST(DenyList, DeniesOneSubcommandAlone) {
    const DenyList list({"Config|SET"});
    EXPECT_TRUE(denies(list, {"config", "set", "a", "b"}));
    EXPECT_FALSE(denies(list, {"config", "get", "a"}));
    EXPECT_FALSE(denies(list, {"config"}));
    EXPECT_FALSE(denies(list, {"set", "a", "b"}));
}

TEST(DenyList, ComparesNamesThatTheTableLacksAsText) {
    const DenyList list({"module:Json.Set", "client|FROBNICATE", "debug|sleep", "ft.config|set"});
    EXPECT_TRUE(denies(list, {"JSON.SET", "key", "$", "1"}));
    EXPECT_FALSE(denies(list, {"JSON.GET", "key"}));
    EXPECT_TRUE(denies(list, {"Client", "frobnicate"}));
    EXPECT_FALSE(denies(list, {"CLIENT", "FROBNICATED"}));
    EXPECT_FALSE(denies(list, {"CLIENT", "ID"}));
    EXPECT_TRUE(denies(list, {"DEBUG", "Sleep", "1"}));
    EXPECT_FALSE(denies(list, {"DEBUG", "JMAP"}));
    EXPECT_FALSE(denies(list, {"DEBUG"}));
    EXPECT_TRUE(denies(list, {"ft.config", "SET"}));
    EXPECT_FALSE(denies(list, {"ft.config", "GET"}));
}

TEST(DenyList, DoesNotSkipNamesLongerThanAnyInTheTable) {
    const std::string name(60, 'm');
    EXPECT_TRUE(denies(DenyList({name}), {upper(name)}));
}

TEST(DenyList, LetsAWholeCommandWinOverItsUnlistedSubcommand) {
    const DenyList either({"debug|sleep", "debug"});
    EXPECT_TRUE(denies(either, {"DEBUG", "JMAP"}));
    const DenyList other({"debug", "debug|sleep"});
    EXPECT_TRUE(denies(other, {"DEBUG", "JMAP"}));
}

}  // namespace
}  // namespace portal::command
