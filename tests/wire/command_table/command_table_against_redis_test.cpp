// Asks a real server for COMMAND and holds our table against it. COMMAND_TABLE_SERVER: the program, else the installed
// redis-server.
#include "command/command_table.hpp"
#include "command/server_commands.hpp"
#include "tests/wire/local_redis.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

namespace portal::command {
namespace {

using Reply = std::unique_ptr<redisReply, decltype(&freeReplyObject)>;
using Connection = std::unique_ptr<redisContext, decltype(&redisFree)>;

/// Commands that came after redis-server 7.0, or that are Valkey's or a module's.
constexpr std::string_view kLaterThan70 =
    "arcount ardel ardelrange arget argetrange argrep arinfo arinsert arlastitems arlen armget armset arnext "
    "arop arring arscan arseek arset backup backup|abort backup|cleanup backup|help backup|list backup|seal "
    "backup|start backup|status blmovem client|capa client|import-source client|no-touch client|setinfo "
    "clusterscan cluster|cancelslotmigrations cluster|flushslot cluster|getslotmigrations "
    "cluster|migrateslots cluster|migration cluster|myshardid cluster|slot-stats cluster|syncslots commandlog "
    "commandlog|get commandlog|help commandlog|len commandlog|reset delex delifeq digest ft.cursor hexpire hexpireat "
    "hexpiretime hgetdel hgetex himport himport|discard himport|discardall himport|prepare himport|set "
    "hotkeys hotkeys|get hotkeys|help hotkeys|reset hotkeys|start hotkeys|stop hpersist hpexpire hpexpireat "
    "hpexpiretime hpttl hsetex httl increx lmovem msetex script|show sdiffcard sflush sunioncard trimslots "
    "ts.read waitaof xackdel xcfgset xdelex xidmprecord xnack ";

bool is_later(const std::string& name) {
    std::istringstream names{std::string(kLaterThan70)};
    const std::istream_iterator<std::string> first(names), last;
    return std::find(first, last, name) != last;
}

/// Redis Enterprise's: the portal answers it, and no open server knows it.
constexpr std::string_view kOfThePortal = "client|maint_notifications";

Connection connect(const testing::LocalRedis& server) {
    return {redisConnectUnix(server.socket_path().c_str()), &redisFree};
}

Reply ask(redisContext& connection, const char* request) {
    return {static_cast<redisReply*>(redisCommand(&connection, request)), &freeReplyObject};
}

/// The bytes that the server answers COMMAND with.
std::string raw_commands(const testing::LocalRedis& server) {
    const int descriptor = testing::connect_unix(server.socket_path());
    constexpr std::string_view kAsk = "COMMAND\r\nQUIT\r\n", kBye = "+OK\r\n";
    std::string answer;
    if (write(descriptor, kAsk.data(), kAsk.size()) == static_cast<ssize_t>(kAsk.size())) {
        std::array<char, 65536> part{};
        for (ssize_t got = 0; (got = read(descriptor, part.data(), part.size())) > 0;) {
            answer.append(part.data(), static_cast<std::size_t>(got));
        }
    }
    close(descriptor);
    return answer.ends_with(kBye) ? answer.substr(0, answer.size() - kBye.size()) : std::string();
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

/// The portal itself counts the words of these; of others it leaves that to the server, and servers differ.
bool counts_words(const CommandRow& row) {
    return row.affinity == Affinity::local || row.affinity == Affinity::feed || row.handling == Handling::multi ||
           row.handling == Handling::exec || row.handling == Handling::discard || row.handling == Handling::watch;
}

/// What is wrong with the row, in words. `same_version`: the server is the one whose arities the table has.
std::vector<std::string> differences(const CommandRow& row, const ServerRow& theirs, bool same_version) {
    std::vector<std::string> found;
    if (row.arity != theirs.arity && (same_version || counts_words(row))) {
        found.push_back("arity " + std::to_string(row.arity) + ", the server says " + std::to_string(theirs.arity));
    }
    if (theirs.flags.contains("write") && !row.write) {
        found.emplace_back("taken for a read, the server says that it writes");
    }
    if (theirs.flags.contains("readonly") && row.write) {
        found.emplace_back("taken for a write, the server says that it reads");
    }
    const bool waits = row.handling == Handling::blocking || row.handling == Handling::wait;
    if (theirs.flags.contains("blocking") && !(waits && row.affinity == Affinity::pinned)) {
        found.emplace_back("not taken for blocking, the server says that it blocks");
    }
    if (row.handling == Handling::blocking && !theirs.flags.contains("blocking")) {
        found.emplace_back("taken for blocking, the server does not say that it blocks");
    }
    if (row.first_key != theirs.first_key || row.last_key != theirs.last_key || row.key_step != theirs.key_step) {
        found.push_back("keys " + keys_text(row.first_key, row.last_key, row.key_step) + ", the server says " +
                        keys_text(theirs.first_key, theirs.last_key, theirs.key_step));
    }
    return found;
}

TEST(CommandTableAgainstRedis, AgreesWithEveryRowThatTheServerReports) {
    const char* wanted = std::getenv("COMMAND_TABLE_SERVER");
    const std::string program = wanted != nullptr ? wanted : testing::path_of_program("redis-server");
    if (program.empty()) {
        GTEST_SKIP() << "redis-server is not installed";
    }
    const testing::LocalRedis server(program);
    const Connection connection = connect(server);
    ASSERT_NE(connection, nullptr);
    ASSERT_EQ(connection->err, 0) << program << " did not come up";

    const Reply info = ask(*connection, "INFO server");
    ASSERT_NE(info, nullptr);
    const bool is_70 = std::string(info->str, info->len).find("redis_version:7.0.") != std::string::npos;
    const Reply commands = ask(*connection, "COMMAND");
    ASSERT_NE(commands, nullptr);
    ASSERT_EQ(commands->type, REDIS_REPLY_ARRAY);
    std::map<std::string, ServerRow> rows;
    for (std::size_t i = 0; i < commands->elements; ++i) {
        collect(*commands->element[i], rows);
    }
    ASSERT_GT(rows.size(), 300U);

    const auto ours = our_rows();
    std::size_t of_modules = 0;
    for (const auto& [name, theirs] : rows) {
        const auto at = ours.find(name);
        if (at == ours.end()) {
            EXPECT_TRUE(theirs.flags.contains("module")) << name << ": the table lacks it";
            ++of_modules;
            continue;
        }
        for (const std::string& difference : differences(*at->second, theirs, is_70)) {
            ADD_FAILURE() << name << ": " << difference;
        }
    }
    for (const auto& [name, row] : ours) {
        EXPECT_TRUE(!is_70 || rows.contains(name) || is_later(name) || name == kOfThePortal)
            << name << ": no server knows it";
    }

    // What the portal itself makes of the answer, when this server leads.
    const auto survey = ServerCommands::parse(raw_commands(server));
    ASSERT_TRUE(survey.has_value());
    EXPECT_EQ(survey->described(), rows.size());
    EXPECT_EQ(survey->contradictions(), std::vector<std::string>{});
    EXPECT_EQ(survey->additions().size(), of_modules) << "commands of modules are treated by their flags";
    std::cout << program << ": " << rows.size() << " commands and subcommands, " << of_modules << " of modules\n";
}

}  // namespace
}  // namespace portal::command
