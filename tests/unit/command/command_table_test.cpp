#include "command/command_table.hpp"

#include "request_of.hpp"

#include <algorithm>
#include <cctype>
#include <set>
#include <tuple>

#include <gtest/gtest.h>

namespace portal::command {
namespace {

const CommandRow* row_named(std::string_view name, std::string_view subcommand = {}) {
    for (const CommandRow& row : command_table()) {
        if (row.name == name && row.subcommand == subcommand) {
            return &row;
        }
    }
    return nullptr;
}

std::set<std::string> names_with(Affinity affinity) {
    std::set<std::string> names;
    for (const CommandRow& row : command_table()) {
        if (row.affinity == affinity) {
            names.insert(full_name(row));
        }
    }
    return names;
}

TEST(CommandTable, IsSortedByNameAndSubcommandWithoutDuplicates) {
    const auto table = command_table();
    for (std::size_t i = 1; i < table.size(); ++i) {
        EXPECT_LT(std::tie(table[i - 1].name, table[i - 1].subcommand), std::tie(table[i].name, table[i].subcommand))
            << full_name(table[i]);
    }
}

TEST(CommandTable, HasTheCommandsOwnRowBeforeItsSubcommands) {
    for (const CommandRow& row : command_table()) {
        EXPECT_NE(row_named(row.name), nullptr) << full_name(row);
    }
}

TEST(CommandTable, NamesAreLowerCaseAndNotEmpty) {
    for (const CommandRow& row : command_table()) {
        EXPECT_FALSE(row.name.empty());
        const std::string name = full_name(row);
        EXPECT_TRUE(std::none_of(name.begin(), name.end(), [](unsigned char c) { return std::isupper(c) != 0; }))
            << name;
        EXPECT_NE(row.arity, 0) << name;
    }
}

TEST(CommandTable, MarksWhatMustNotBeSentTwiceAsWrite) {
    for (const char* name :
         {"set",      "incr",     "eval",     "evalsha",   "fcall", "publish", "spublish", "exec",
          "flushall", "debug",    "migrate",  "restore",   "sort",  "getex",   "spop",     "xreadgroup",
          "blpop",    "shutdown", "failover", "replicaof", "wait",  "unlink",  "geoadd",   "georadius"}) {
        ASSERT_NE(row_named(name), nullptr) << name;
        EXPECT_TRUE(row_named(name)->write) << name;
    }
    for (const auto& [name, subcommand] : {std::pair{"script", "load"},
                                           {"script", "flush"},
                                           {"function", "load"},
                                           {"function", "restore"},
                                           {"config", "set"},
                                           {"acl", "setuser"}}) {
        ASSERT_NE(row_named(name, subcommand), nullptr) << name << " " << subcommand;
        EXPECT_TRUE(row_named(name, subcommand)->write) << name << " " << subcommand;
    }
}

TEST(CommandTable, MarksWhatMayBeSentAgainAsRead) {
    for (const char* name : {"get", "mget", "eval_ro", "evalsha_ro", "fcall_ro", "sort_ro", "ping", "echo", "time",
                             "info", "scan", "dbsize", "xread", "touch", "dump", "keys", "command"}) {
        ASSERT_NE(row_named(name), nullptr) << name;
        EXPECT_FALSE(row_named(name)->write) << name;
    }
    for (const auto& [name, subcommand] : {std::pair{"config", "get"},
                                           {"object", "encoding"},
                                           {"script", "exists"},
                                           {"acl", "whoami"},
                                           {"xinfo", "stream"},
                                           {"memory", "usage"}}) {
        ASSERT_NE(row_named(name, subcommand), nullptr) << name << " " << subcommand;
        EXPECT_FALSE(row_named(name, subcommand)->write) << name << " " << subcommand;
    }
}

TEST(CommandTable, AnswersLocallyOnlyWhatThePortalKeepsForEachClient) {
    EXPECT_EQ(names_with(Affinity::local),
              (std::set<std::string>{"auth", "client|getname", "client|id", "client|info", "client|kill", "client|list",
                                     "client|maint_notifications", "client|no-evict", "client|no-touch", "client|pause",
                                     "client|reply", "client|setinfo", "client|setname", "client|unblock",
                                     "client|unpause", "hello", "quit", "reset", "select"}));
}

TEST(CommandTable, PinsWhatChangesOrNeedsAConnectionOfItsOwn) {
    std::set<std::string> pinned = names_with(Affinity::pinned);
    for (const CommandRow& row : command_table()) {
        if (!row.subcommand.empty() && row.name != "client") {
            pinned.erase(std::string(row.name));
        }
    }
    EXPECT_EQ(pinned, (std::set<std::string>{"asking",
                                             "blmove",
                                             "blmovem",
                                             "blmpop",
                                             "blpop",
                                             "brpop",
                                             "brpoplpush",
                                             "bzmpop",
                                             "bzpopmax",
                                             "bzpopmin",
                                             "client",
                                             "client|caching",
                                             "client|capa",
                                             "client|import-source",
                                             "client|tracking",
                                             "cluster|syncslots",
                                             "discard",
                                             "exec",
                                             "himport|discard",
                                             "himport|discardall",
                                             "himport|prepare",
                                             "himport|set",
                                             "monitor",
                                             "multi",
                                             "psync",
                                             "readonly",
                                             "readwrite",
                                             "replconf",
                                             "script|debug",
                                             "shutdown",
                                             "sync",
                                             "ts.read",
                                             "unwatch",
                                             "wait",
                                             "waitaof",
                                             "watch",
                                             "xread",
                                             "xreadgroup"}));
}

TEST(CommandTable, LeasesALinkForASubcommandThatItLacks) {
    for (const CommandRow& row : command_table()) {
        if (row.subcommand.empty() || row.name == "command") {
            continue;  // COMMAND itself is a command
        }
        ASSERT_NE(row_named(row.name), nullptr) << row.name;
        EXPECT_EQ(row_named(row.name)->affinity, Affinity::pinned) << row.name;
        EXPECT_TRUE(row_named(row.name)->write) << row.name;
        EXPECT_NE(row_named(row.name)->handling, Handling::plain) << row.name << " may leave anything on its link";
    }
}

TEST(CommandTable, RefusesWhatTurnsAConnectionIntoThatOfAReplica) {
    std::set<std::string> refused;
    for (const CommandRow& row : command_table()) {
        if (row.handling == Handling::replication) {
            refused.insert(full_name(row));
        }
    }
    EXPECT_EQ(refused, (std::set<std::string>{"cluster|syncslots"}));
}

TEST(CommandTable, GivesALocalRowAHandlingOfItsOwn) {
    std::set<Handling> seen;
    for (const CommandRow& row : command_table()) {
        if (row.affinity == Affinity::local) {
            EXPECT_NE(row.handling, Handling::plain) << full_name(row);
            EXPECT_TRUE(seen.insert(row.handling).second) << full_name(row);
        }
    }
}

TEST(CommandTable, LeavesUnknownToTheUnknownRow) {
    for (const CommandRow& row : command_table()) {
        EXPECT_NE(row.handling, Handling::unknown) << full_name(row);
    }
}

}  // namespace
}  // namespace portal::command
