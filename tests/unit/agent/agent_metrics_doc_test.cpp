// docs/operate/metrics.md holds what the agent serves as tables between two markers. PORTAL_UPDATE_DOCS=1 writes them
// anew.
#include "agent/agent_metrics.hpp"
#include "agent/redis_metrics.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace portal::agent {
namespace {

constexpr std::string_view kBegin = "<!-- agent: begin -->\n";
constexpr std::string_view kEnd = "<!-- agent: end -->\n";
constexpr auto kPath = PORTAL_SOURCE_DIR "/docs/operate/metrics.md";

void add_row(std::ostream& out, std::string_view name, bool counter, const std::vector<std::string_view>& labels,
             std::string_view help) {
    out << "| `" << name << "` | " << (counter ? "counter" : "gauge") << " | ";
    for (std::size_t i = 0; i < labels.size(); ++i) {
        out << (i == 0 ? "" : ", ") << '`' << labels[i] << '`';
    }
    out << " | " << help << " |\n";
}

std::string tables() {
    std::ostringstream out;
    constexpr auto kHead = "| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n";
    out << "\n### The agent and the volume\n\n" << kHead;
    for (const auto& info : agent_metric_catalogue()) {
        add_row(out, info.name, info.type == observe::MetricType::counter, info.labels, info.help);
    }
    out << "\n### The Redis node, as redis_exporter names it\n\n" << kHead;
    for (const auto& row : redis_metric_catalogue()) {
        add_row(out, row.name, row.type == prometheus::MetricType::Counter, row.labels, row.help);
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
