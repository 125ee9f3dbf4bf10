// docs/use/compatibility.md holds the commands between two markers. PORTAL_UPDATE_DOCS=1 writes it anew.
#include "command/classifier.hpp"
#include "config/config.hpp"
#include "request_of.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace portal::command {
namespace {

constexpr std::string_view kBegin = "<!-- commands: begin -->\n";
constexpr std::string_view kEnd = "<!-- commands: end -->\n";
constexpr auto kPath = PORTAL_SOURCE_DIR "/docs/use/compatibility.md";

std::string_view link_of(const CommandRow& row) {
    switch (row.handling) {
        case Handling::replication:
            return "always refused";
        case Handling::replconf:
        case Handling::sync:
            return "refused, or leased with `commands.replication`";
        case Handling::blocking:
            return "leased while it may block, else shared";
        case Handling::multi:
        case Handling::exec:
        case Handling::discard:
            return "shared when the transaction arrives whole, else leased";
        default:
            break;
    }
    switch (row.affinity) {
        case Affinity::shared:
            return "shared";
        case Affinity::pinned:
            return "leased";
        case Affinity::feed:
            return "feed";
        case Affinity::local:
            return "local";
    }
    return "";
}

std::string lists() {
    const DenyList denied(config::Config{}.commands.deny);
    std::map<std::string, std::string> commands;
    for (const CommandRow& row : command_table()) {
        std::vector<std::string> words{std::string(row.name)};
        if (!row.subcommand.empty()) {
            words.emplace_back(row.subcommand);
        }
        const RequestOf request(words);
        std::string name = upper(full_name(row));
        std::ranges::replace(name, '|', ' ');
        const std::string_view travels = denied.denies(row, request) ? "denied by default" : link_of(row);
        auto& list = commands["**" + std::string(travels) + "**, " + (row.write ? "writes" : "reads")];
        list += (list.empty() ? "`" : ", `") + name + "`";
    }
    std::ostringstream out;
    for (const auto& [kind, names] : commands) {
        out << "- " << kind << ": " << names << "\n";
    }
    return out.str();
}

TEST(CompatibilityDoc, HoldsExactlyTheCommandTable) {
    std::ifstream in(kPath);
    std::ostringstream content;
    content << in.rdbuf();
    std::string text = content.str();
    const auto begin = text.find(kBegin);
    const auto end = text.find(kEnd);
    ASSERT_NE(begin, std::string::npos) << kPath << " lacks the marker " << kBegin;
    ASSERT_NE(end, std::string::npos) << kPath << " lacks the marker " << kEnd;
    const auto from = begin + kBegin.size();
    const std::string wanted = "\n" + lists() + "\n";
    if (std::getenv("PORTAL_UPDATE_DOCS") != nullptr) {
        std::ofstream(kPath) << text.replace(from, end - from, wanted);
        return;
    }
    EXPECT_EQ(text.substr(from, end - from), wanted)
        << "run command_test with PORTAL_UPDATE_DOCS=1 to write the lists of docs/use/compatibility.md anew";
}

}  // namespace
}  // namespace portal::command
