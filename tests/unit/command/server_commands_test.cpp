#include "command/server_commands.hpp"

#include "command/classifier.hpp"
#include "request_of.hpp"
#include "resp/reply_writer.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace portal::command {
namespace {

/// One element of COMMAND's reply, as redis-server 7.0 writes it.
std::string described(const std::string& name, const std::vector<std::string>& flags, int first_key = 0,
                      const std::vector<std::string>& categories = {},
                      const std::vector<std::string>& subcommands = {}) {
    std::string out;
    resp::write_array_header(out, 10);
    resp::write_bulk(out, name);
    resp::write_integer(out, -2);
    for (const auto* words : {&flags, &categories}) {
        resp::write_array_header(out, words->size());
        for (const std::string& word : *words) {
            resp::write_simple(out, word);
        }
        if (words == &flags) {
            for (int i = 0; i < 3; ++i) {
                resp::write_integer(out, first_key);
            }
        }
    }
    resp::write_array_header(out, 1);  // tips
    resp::write_bulk(out, "nondeterministic_output");
    resp::write_array_header(out, 1);  // key specifications
    resp::write_array_header(out, 0);
    resp::write_array_header(out, subcommands.size());
    for (const std::string& each : subcommands) {
        out += each;
    }
    return out;
}

std::string reply_of(const std::vector<std::string>& commands) {
    std::string out;
    resp::write_array_header(out, commands.size());
    for (const std::string& each : commands) {
        out += each;
    }
    return out;
}

ServerCommands parsed(const std::vector<std::string>& commands) {
    auto result = ServerCommands::parse(reply_of(commands));
    EXPECT_TRUE(result.has_value());
    return result.value_or(ServerCommands{});
}

TEST(ServerCommands, KnowsNothingBeforeTheServerHasSpoken) {
    EXPECT_EQ(&ServerCommands{}.row_of(RequestOf({"JSON.GET", "k"})), &unknown_command());
}

TEST(ServerCommands, SharesReadsAndWritesOfKeysAndLeasesAllElse) {
    const ServerCommands commands = parsed({
        described("json.get", {"readonly", "module"}, 1),
        described("ft._list", {"readonly"}),
        described("json.set", {"write", "denyoom"}, 1),
        described("ts.multi", {"write", "movablekeys"}),
        described("bf.config", {"write"}),
        described("cf.noflags", {}, 1),
        described("x.block", {"write", "blocking"}, 1),
        described("x.admin", {"readonly", "admin"}),
        described("x.script", {"readonly", "noscript"}, 1),
        described("x.connection", {"readonly", "fast"}, 1, {"@read", "@connection"}),
        described("x.pubsub", {"pubsub", "readonly"}),
    });
    for (const char* name : {"json.get", "JSON.GET", "Ft._List"}) {
        EXPECT_EQ(&commands.row_of(RequestOf({name, "k"})), &shared_read_command()) << name;
    }
    for (const char* name : {"json.set", "TS.MULTI"}) {
        EXPECT_EQ(&commands.row_of(RequestOf({name, "k"})), &shared_write_command()) << name;
    }
    for (const char* name :
         {"bf.config", "cf.noflags", "x.block", "x.admin", "x.script", "x.connection", "x.pubsub", "nobody.said", ""}) {
        EXPECT_EQ(&commands.row_of(RequestOf({name, "k"})), &unknown_command()) << name;
    }
    EXPECT_EQ(commands.additions().size(), 11U);
}

TEST(ServerCommands, ASubcommandIsTreatedByItsOwnFlags) {
    const ServerCommands commands = parsed({described(
        "x.info", {}, 0, {}, {described("x.info|of", {"readonly"}, 2), described("x.info|set", {"write"}, 2)})});
    EXPECT_EQ(&commands.row_of(RequestOf({"X.INFO", "OF", "k"})), &shared_read_command());
    EXPECT_EQ(&commands.row_of(RequestOf({"x.info", "set", "k"})), &shared_write_command());
    EXPECT_EQ(&commands.row_of(RequestOf({"x.info", "other"})), &unknown_command());
    EXPECT_EQ(&commands.row_of(RequestOf({"x.info"})), &unknown_command());
    EXPECT_EQ(commands.described(), 3U);
}

TEST(ServerCommands, ReportsWhereTheServerContradictsTheTable) {
    const ServerCommands commands =
        parsed({described("get", {"write"}, 1), described("set", {"write"}, 1),
                described("lpop", {"write", "blocking"}, 1), described("blpop", {"write", "blocking"}, 1)});
    EXPECT_EQ(commands.contradictions(),
              (std::vector<std::string>{"the server says that get writes", "the server says that lpop blocks"}));
    EXPECT_TRUE(commands.additions().empty());
}

TEST(ServerCommands, UnderstandsTheSixFieldsOfOldServersAndSetsOfResp3) {
    const auto commands =
        ServerCommands::parse("*1\r\n*6\r\n+old.one\r\n:2\r\n~2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n");
    ASSERT_TRUE(commands.has_value());
    EXPECT_EQ(&commands->row_of(RequestOf({"old.one", "k"})), &shared_read_command());
}

TEST(ServerCommands, NamesThatAreTooLongAreNoNames) {
    const ServerCommands commands = parsed({described(std::string(64, 'n'), {"readonly"}, 1)});
    EXPECT_EQ(&commands.row_of(RequestOf({std::string(64, 'N'), "k"})), &shared_read_command());
    EXPECT_EQ(&commands.row_of(RequestOf({std::string(64, 'n'), std::string(100, 's')})), &shared_read_command());
    EXPECT_EQ(&commands.row_of(RequestOf({std::string(65, 'n'), "k"})), &unknown_command());
    EXPECT_FALSE(ServerCommands::parse(reply_of({described(std::string(65, 'n'), {"readonly"}, 1)})).has_value());
}

TEST(ServerCommands, BelievesNothingThatIsCutOrNotAnAnswerToCommand) {
    const std::string whole =
        reply_of({described("a.b", {"readonly"}, 1, {"@read"}, {described("a.b|c", {"write"}, 1)})});
    ASSERT_TRUE(ServerCommands::parse(whole).has_value());
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_FALSE(ServerCommands::parse(std::string_view(whole).substr(0, size)).has_value()) << size;
    }
    EXPECT_FALSE(ServerCommands::parse(whole + "+OK\r\n").has_value());
    for (const char* wrong : {"-NOPERM no\r\n", "*0\r\n", "*-1\r\n", "*1\r\n+x\r\n", "*1\r\n*0\r\n", "*99999999999\r\n",
                              "*1\r\n*9223372036854775807\r\n", "*1\r\n*6\r\n$-1\r\n",
                              "*1\r\n*6\r\n$9223372036854775807\r\nx", "*1\r\n*6\r\n+x\r\n:1\r\n*-1\r\n"}) {
        EXPECT_FALSE(ServerCommands::parse(wrong).has_value()) << wrong;
    }
}

TEST(ServerCommands, BelievesNoServerWithEndlessCommands) {
    EXPECT_FALSE(ServerCommands::parse(reply_of(std::vector<std::string>(10000, described("a", {})))).has_value());
}

TEST(ServerCommands, SurvivesChangedBytes) {
    const std::string whole =
        reply_of({described("a.b", {"readonly"}, 1, {"@read"}, {described("a.b|c", {"write"}, 1)}),
                  described("d", {"write", "movablekeys"})});
    std::mt19937 random(7);
    for (int round = 0; round < 20000; ++round) {
        std::string changed = whole;
        for (int i = 0; i < 3; ++i) {
            changed[random() % changed.size()] = static_cast<char>("*~$+:-019\r\n%>x"[random() % 14]);
        }
        if (const auto commands = ServerCommands::parse(changed)) {
            EXPECT_LE(commands->additions().size(), 8U);
        }
    }
}

TEST(ServerCommands, ADeniedNameIsDeniedHoweverTheServerDescribesIt) {
    const ServerCommands commands =
        parsed({described("json.set", {"write"}, 1), described("json.get", {"readonly"}, 1)});
    const DenyList deny({"json.set"});
    const RequestOf set({"JSON.SET", "k"});
    const RequestOf get({"JSON.GET", "k"});
    EXPECT_TRUE(deny.denies(commands.row_of(set), set));
    EXPECT_TRUE(deny.denies(unknown_command(), set));
    EXPECT_FALSE(deny.denies(commands.row_of(get), get));
}

}  // namespace
}  // namespace portal::command
