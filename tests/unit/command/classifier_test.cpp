#include "command/classifier.hpp"

#include "request_of.hpp"

#include <set>

#include <gtest/gtest.h>

namespace portal::command {
namespace {

std::vector<std::string> words_of(const CommandRow& row, std::string (*spell)(std::string_view)) {
    std::vector<std::string> words{spell(row.name)};
    if (!row.subcommand.empty()) {
        words.push_back(spell(row.subcommand));
    }
    return words;
}

std::string as_is(std::string_view text) {
    return std::string(text);
}

TEST(Classifier, ReachesEveryRowInLowerUpperAndMixedCase) {
    for (const CommandRow& row : command_table()) {
        for (const auto spell : {as_is, upper, every_second_upper}) {
            const RequestOf request(words_of(row, spell));
            const CommandRow& found = classify(request);
            EXPECT_EQ(&found, &row) << full_name(row) << " was taken for " << full_name(found);
        }
    }
}

TEST(Classifier, ChangesNothingWhenArgumentsFollow) {
    for (const CommandRow& row : command_table()) {
        std::vector<std::string> words = words_of(row, upper);
        words.insert(words.end(), {"1", "2", "GET"});
        const RequestOf request(words);
        EXPECT_EQ(&classify(request), &row) << full_name(row);
    }
}

TEST(Classifier, TakesANameThatDiffersInAnyByteForUnknownOrAnotherRow) {
    for (const CommandRow& row : command_table()) {
        for (std::size_t i = 0; i < row.name.size(); ++i) {
            std::string name(row.name);
            name[i] = static_cast<char>(name[i] ^ 0x01);
            const RequestOf request({name});
            EXPECT_NE(&classify(request), &row) << name;
        }
    }
}

TEST(Classifier, DoesNotTakeBytesThatOnlyLookLikeCaseForLetters) {
    // '@' and '[' stand next to the capitals; 0x10 and 0xC7 differ from letters by the bits that folding works with.
    for (const std::string name : {"@et", "GE[", "ge{",
                                   "\xC7"
                                   "ET",
                                   "ge\x14",
                                   "\x07"
                                   "et"}) {
        EXPECT_EQ(&classify(RequestOf({name})), &unknown_command()) << name;
    }
    // Hyphen and underscore must not be folded together.
    EXPECT_EQ(&classify(RequestOf({"eval-ro"})), &unknown_command());
    EXPECT_EQ(classify(RequestOf({"client", "no_evict"})).subcommand, "");
}

TEST(Classifier, TakesPrefixesExtensionsAndPaddingForUnknown) {
    for (const std::string name : {"ge", "gett", "g", "zremrangebyscor", "zremrangebyscores", "georadiusbymember_r",
                                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "get ", " get"}) {
        EXPECT_EQ(&classify(RequestOf({name})), &unknown_command()) << name;
    }
    EXPECT_EQ(&classify(RequestOf({std::string("get\0", 4)})), &unknown_command());
    EXPECT_EQ(&classify(RequestOf({std::string("\0\0\0", 3)})), &unknown_command());
    EXPECT_EQ(&classify(RequestOf({""})), &unknown_command());
}

TEST(Classifier, TreatsModuleCommandsAsUnknown) {
    for (const std::string name : {"JSON.SET", "FT.SEARCH", "BF.ADD", "TS.ADD"}) {
        EXPECT_EQ(&classify(RequestOf({name, "key"})), &unknown_command()) << name;
    }
}

TEST(Classifier, UnknownIsPinnedAndCountsAsWrite) {
    EXPECT_EQ(unknown_command().handling, Handling::unknown);
    EXPECT_EQ(unknown_command().affinity, Affinity::pinned);
    EXPECT_TRUE(unknown_command().write);
}

TEST(Classifier, FallsBackToTheCommandsOwnRowForAnUnknownOrMissingSubcommand) {
    const CommandRow& bare = classify(RequestOf({"CONFIG"}));
    EXPECT_EQ(bare.name, "config");
    EXPECT_EQ(bare.subcommand, "");
    EXPECT_EQ(&classify(RequestOf({"CONFIG", "FROBNICATE"})), &bare);
    EXPECT_EQ(&classify(RequestOf({"CONFIG", ""})), &bare);
    EXPECT_EQ(&classify(RequestOf({"CONFIG", std::string(40, 'x')})), &bare);
    EXPECT_TRUE(bare.write);
    EXPECT_EQ(bare.affinity, Affinity::pinned)
        << "what a subcommand of a newer server does to its connection is unknown";
    EXPECT_EQ(classify(RequestOf({"cluster", "frobnicate"})).affinity, Affinity::pinned);
}

TEST(Classifier, LooksForSubcommandsOnlyUnderTheirOwnCommand) {
    EXPECT_EQ(classify(RequestOf({"GET", "HELP"})).subcommand, "");
    EXPECT_EQ(classify(RequestOf({"CONFIG", "SETUSER", "x"})).subcommand, "");
    EXPECT_EQ(classify(RequestOf({"ACL", "SETUSER", "x"})).subcommand, "setuser");
}

TEST(Classifier, GivesEveryRowAnIndexOfItsOwn) {
    std::set<std::size_t> indexes;
    for (const CommandRow& row : command_table()) {
        EXPECT_LT(index_of(row), command_table().size());
        EXPECT_EQ(&row_at(index_of(row)), &row);
        indexes.insert(index_of(row));
    }
    EXPECT_EQ(indexes.size(), command_table().size());
    EXPECT_EQ(index_of(unknown_command()), command_table().size());
    EXPECT_EQ(&row_at(command_table().size()), &unknown_command());
}

TEST(Classifier, ComparesArityAsRedisDoes) {
    const CommandRow& get = classify(RequestOf({"GET", "key"}));
    EXPECT_FALSE(arity_fits(get, 1));
    EXPECT_TRUE(arity_fits(get, 2));
    EXPECT_FALSE(arity_fits(get, 3));
    const CommandRow& del = classify(RequestOf({"DEL", "key"}));
    EXPECT_FALSE(arity_fits(del, 1));
    EXPECT_TRUE(arity_fits(del, 2));
    EXPECT_TRUE(arity_fits(del, 200));
}

struct BlockingCase {
    std::vector<std::string> words;
    bool blocks;
};

class MayBlock : public testing::TestWithParam<BlockingCase> {};

TEST_P(MayBlock, IsDecidedByCommandAndBlockOption) {
    const RequestOf request(GetParam().words);
    EXPECT_EQ(may_block(classify(request), request), GetParam().blocks);
}

INSTANTIATE_TEST_SUITE_P(
    Requests, MayBlock,
    testing::Values(
        BlockingCase{{"BLPOP", "list", "0"}, true}, BlockingCase{{"blmpop", "0", "1", "list", "LEFT"}, true},
        BlockingCase{{"BZPOPMIN", "zset", "1"}, true}, BlockingCase{{"LPOP", "list"}, false},
        BlockingCase{{"WAIT", "1", "0"}, false}, BlockingCase{{"XREAD", "STREAMS", "s", "0"}, false},
        BlockingCase{{"XREAD", "COUNT", "2", "STREAMS", "s", "0"}, false},
        BlockingCase{{"XREAD", "BLOCK", "0", "STREAMS", "s", "$"}, true},
        BlockingCase{{"xread", "count", "2", "block", "0", "streams", "s", "$"}, true},
        BlockingCase{{"XREAD", "BlOcK", "5", "COUNT", "2", "STREAMS", "s", "$"}, true},
        BlockingCase{{"XREAD", "STREAMS", "BLOCK", "0"}, false},  // a stream named BLOCK
        BlockingCase{{"XREAD", "COUNT", "BLOCK", "STREAMS", "s", "0"}, false},
        BlockingCase{{"XREADGROUP", "GROUP", "g", "c", "STREAMS", "s", ">"}, false},
        BlockingCase{{"XREADGROUP", "GROUP", "g", "c", "NOACK", "BLOCK", "10", "STREAMS", "s", ">"}, true},
        BlockingCase{{"XREADGROUP", "GROUP", "g", "c", "CLAIM", "10", "BLOCK", "10", "STREAMS", "s", ">"}, true},
        BlockingCase{{"XREADGROUP", "GROUP", "block", "block", "STREAMS", "s", ">"}, false},
        BlockingCase{{"XREADGROUP", "BLOCK", "10", "GROUP", "g", "c", "STREAMS", "s", ">"}, true},
        BlockingCase{{"XREAD", "MAXCOUNT", "5", "BLOCK", "0", "STREAMS", "s", "$"}, true},
        BlockingCase{{"XREAD", "MAXSIZE", "99", "maxcount", "5", "BLOCK", "0", "STREAMS", "s", "$"}, true},
        BlockingCase{{"XREADGROUP", "GROUP", "g", "c", "LATER", "1", "BLOCK", "0", "STREAMS", "s", ">"}, true},
        BlockingCase{{"XREADGROUP", "GROUP", "g", "c", "MAXCOUNT", "5", "MAXSIZE", "9", "NOACK", "BLOCK", "0",
                      "STREAMS", "s", ">"},
                     true},
        BlockingCase{{"BLMOVEM", "a", "b", "LEFT", "RIGHT", "0", "COUNT", "2", "OBO"}, true},
        BlockingCase{{"LMOVEM", "a", "b", "LEFT", "RIGHT", "COUNT", "2", "OBO"}, false},
        BlockingCase{{"TS.READ", "k", "0"}, false}, BlockingCase{{"ts.read", "block", "0", "MAX_COUNT", "5"}, false},
        BlockingCase{{"TS.READ", "k", "block"}, false}, BlockingCase{{"ts.read", "k", "0", "block", "0", "1"}, true},
        BlockingCase{{"TS.READ", "streams", "0", "MAX_COUNT", "5", "BLOCK", "0", "1"}, true},
        BlockingCase{{"TS.READ"}, false}, BlockingCase{{"XREAD", "MAXCOUNT", "5", "STREAMS", "block", "0"}, false},
        BlockingCase{{"XREAD"}, false}, BlockingCase{{"XREADGROUP", "GROUP"}, false}));

}  // namespace
}  // namespace portal::command
