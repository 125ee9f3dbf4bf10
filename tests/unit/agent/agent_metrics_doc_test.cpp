// docs/operate/metrics.md holds what the agent serves as tables between two markers. PORTAL_UPDATE_DOCS=1 writes them
// anew.
#include "agent/agent_metrics.hpp"
#include "agent/redis_metrics.hpp"

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

namespace portal::agent {
namespace {

constexpr std::string_view kBegin = "<!-- agent: begin -->\n";
constexpr std::string_view kEnd = "<!-- agent: end -->\n";
constexpr auto kPath = PORTAL_SOURCE_DIR "/docs/operate/metrics.md";

std::string joined(const std::vector<std::string_view>& words) {
    std::string text;
    for (const auto word : words) {
        text += (text.empty() ? "`" : ", `") + std::string(word) + "`";
    }
    return text;
}

std::string_view type_name(bool counter) {
    return counter ? "counter" : "gauge";
}

std::string tables() {
    std::ostringstream out;
    out << "\n### The agent and the volume\n\n| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n";
    for (const auto& info : agent_metric_catalogue()) {
        out << "| `" << info.name << "` | " << type_name(info.type == observe::MetricType::counter) << " | "
            << joined(info.labels) << " | " << info.help << " |\n";
    }
    // Their meanings are those of redis_exporter and stand in /metrics.
    std::map<std::string, std::vector<std::string_view>> kinds;
    for (const auto& row : redis_metric_catalogue()) {
        const std::string labels = row.labels.empty() ? "" : ", labels " + joined(row.labels);
        kinds[std::string(type_name(row.type == prometheus::MetricType::Counter)) + labels].push_back(row.name);
    }
    out << "\n### The Redis node, as redis_exporter names it\n\n";
    for (const auto& [kind, names] : kinds) {
        out << "- " << kind << ": " << joined(names) << '\n';
    }
    out << '\n';
    return out.str();
}

TEST(AgentMetricsDoc, holds_exactly_what_the_agent_serves) {
    std::ifstream in(kPath);
    std::ostringstream content;
    content << in.rdbuf();
    auto text = content.str();
    const auto begin = text.find(kBegin);
    const auto end = text.find(kEnd);
    ASSERT_NE(begin, std::string::npos) << kPath << " lacks the marker " << kBegin;
    ASSERT_NE(end, std::string::npos) << kPath << " lacks the marker " << kEnd;
    const auto from = begin + kBegin.size();
    if (std::getenv("PORTAL_UPDATE_DOCS") != nullptr) {
        std::ofstream(kPath) << text.replace(from, end - from, tables());
        return;
    }
    EXPECT_EQ(text.substr(from, end - from), tables())
        << "run agent_test with PORTAL_UPDATE_DOCS=1 to write the tables of docs/operate/metrics.md anew";
}

}  // namespace
}  // namespace portal::agent
