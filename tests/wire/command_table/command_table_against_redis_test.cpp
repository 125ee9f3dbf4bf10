// Asks a real redis-server for COMMAND and holds our table against it.
#include "command/command_table.hpp"
#include "tests/wire/local_redis.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

namespace portal::command {
namespace {

using Reply = std::unique_ptr<redisReply, decltype(&freeReplyObject)>;
using Connection = std::unique_ptr<redisContext, decltype(&redisFree)>;

/// Rows for commands that came after redis-server 7.0.
const std::set<std::string> kLaterThan70 = {"client|capa",
                                            "client|import-source",
                                            "client|no-touch",
                                            "client|setinfo",
                                            "cluster|myshardid",
                                            "cluster|slot-stats",
                                            "commandlog",
                                            "commandlog|get",
                                            "commandlog|help",
                                            "commandlog|len",
                                            "commandlog|reset",
                                            "delex",
                                            "delifeq",
                                            "digest",
                                            "hexpire",
                                            "hexpireat",
                                            "hexpiretime",
                                            "hgetdel",
                                            "hgetex",
                                            "hpersist",
                                            "hpexpire",
                                            "hpexpireat",
                                            "hpexpiretime",
                                            "hpttl",
                                            "hsetex",
                                            "httl",
                                            "msetex",
                                            "script|show",
                                            "sflush",
                                            "waitaof",
                                            "xackdel",
                                            "xdelex"};

Connection connect(const testing::LocalRedis& server) {
    return {redisConnectUnix(server.socket_path().c_str()), &redisFree};
}

Reply ask(redisContext& connection, const char* request) {
    return {static_cast<redisReply*>(redisCommand(&connection, request)), &freeReplyObject};
}

struct ServerRow {
    int arity = 0;
    std::set<std::string> flags;
    int first_key = 0, last_key = 0, key_step = 0;
};

/// Adds one element of COMMAND's reply, and its subcommands, under "command" and "command|subcommand".
void collect(const redisReply& info, std::map<std::string, ServerRow>& rows) {
    ServerRow row{.arity = static_cast<int>(info.element[1]->integer),
                  .flags = {},
                  .first_key = static_cast<int>(info.element[3]->integer),
                  .last_key = static_cast<int>(info.element[4]->integer),
                  .key_step = static_cast<int>(info.element[5]->integer)};
    for (std::size_t i = 0; i < info.element[2]->elements; ++i) {
        row.flags.insert(info.element[2]->element[i]->str);
    }
    rows.emplace(info.element[0]->str, std::move(row));
    if (info.elements > 9) {
        for (std::size_t i = 0; i < info.element[9]->elements; ++i) {
            collect(*info.element[9]->element[i], rows);
        }
    }
}

std::string keys_text(int first, int last, int step) {
    std::ostringstream out;
    out << first << "," << last << "," << step;
    return out.str();
}

std::map<std::string, const CommandRow*> our_rows() {
    std::map<std::string, const CommandRow*> rows;
    for (const CommandRow& row : command_table()) {
        std::string name(row.name);
        if (!row.subcommand.empty()) {
            name.append("|").append(row.subcommand);
        }
        rows.emplace(std::move(name), &row);
    }
    return rows;
}

std::vector<std::string> differences(const std::map<std::string, ServerRow>& server) {
    std::vector<std::string> found;
    const auto ours = our_rows();
    for (const auto& [name, theirs] : server) {
        if (name.find('.') != std::string::npos) {
            continue;  // from a module
        }
        const auto at = ours.find(name);
        if (at == ours.end()) {
            found.push_back(name + ": the table lacks it");
            continue;
        }
        const CommandRow& row = *at->second;
        if (row.arity != theirs.arity) {
            found.push_back(name + ": arity " + std::to_string(row.arity) + ", redis-server says " +
                            std::to_string(theirs.arity));
        }
        if (theirs.flags.contains("write") && !row.write) {
            found.push_back(name + ": not marked as a write");
        }
        if (theirs.flags.contains("readonly") && row.write) {
            found.push_back(name + ": marked as a write, redis-server says readonly");
        }
        if (theirs.flags.contains("blocking") && row.handling != Handling::blocking) {
            found.push_back(name + ": can block, but is not treated as blocking");
        }
        if (row.first_key != theirs.first_key || row.last_key != theirs.last_key || row.key_step != theirs.key_step) {
            found.push_back(name + ": keys " + keys_text(row.first_key, row.last_key, row.key_step) +
                            ", redis-server says " + keys_text(theirs.first_key, theirs.last_key, theirs.key_step));
        }
    }
    for (const auto& [name, row] : ours) {
        if (!server.contains(name) && !kLaterThan70.contains(name)) {
            found.push_back(name + ": redis-server does not know it");
        }
    }
    return found;
}

TEST(CommandTableAgainstRedis, AgreesWithEveryRowThatTheServerReports) {
    const std::string program = testing::path_of_program("redis-server");
    if (program.empty()) {
        GTEST_SKIP() << "redis-server is not installed";
    }
    const testing::LocalRedis server(program);
    const Connection connection = connect(server);
    ASSERT_NE(connection, nullptr) << "redis-server did not come up";

    const Reply info = ask(*connection, "INFO server");
    ASSERT_NE(info, nullptr);
    if (std::string(info->str, info->len).find("redis_version:7.0.") == std::string::npos) {
        GTEST_SKIP() << "the table follows redis-server 7.0; another version is installed";
    }

    const Reply commands = ask(*connection, "COMMAND");
    ASSERT_NE(commands, nullptr);
    ASSERT_EQ(commands->type, REDIS_REPLY_ARRAY);
    std::map<std::string, ServerRow> rows;
    for (std::size_t i = 0; i < commands->elements; ++i) {
        collect(*commands->element[i], rows);
    }
    ASSERT_GT(rows.size(), 300U);

    for (const std::string& difference : differences(rows)) {
        ADD_FAILURE() << difference;
    }
}

}  // namespace
}  // namespace portal::command
