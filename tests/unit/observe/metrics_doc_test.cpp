// docs/operate/metrics.md holds the catalogue as tables between two markers. PORTAL_UPDATE_DOCS=1 writes them anew.
#include "observe/metric_catalogue.hpp"

#include <cstdlib>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace portal::observe {
namespace {

constexpr std::string_view kBegin = "<!-- catalogue: begin -->\n";
constexpr std::string_view kEnd = "<!-- catalogue: end -->\n";
constexpr auto kPath = PORTAL_SOURCE_DIR "/docs/operate/metrics.md";

std::string label_values(std::string_view metric) {
    std::string text;
    const auto add = [&](std::string_view name, std::string_view label_value) {
        if (name == metric && !label_value.empty()) {
            text += (text.empty() ? ": " : ", ") + std::string(label_value);
        }
    };
    for (const auto& series : shard_series()) {
        add(shard_metrics()[series.metric].name, series.label_value);
    }
    for (const auto& series : shard_durations()) {
        add(shard_histograms()[series.metric].name, series.label_value);
    }
    return text;
}

std::string_view type_name(MetricType type) {
    switch (type) {
        case MetricType::counter:
            return "counter";
        case MetricType::gauge:
            return "gauge";
        case MetricType::histogram:
            return "histogram";
    }
    return "";
}

void add_table(std::ostream& out, std::string_view title, std::span<const MetricInfo> infos) {
    out << "\n### " << title << "\n\n| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n";
    for (const auto& info : infos) {
        out << "| `" << info.name << "` | " << type_name(info.type) << " | ";
        for (std::size_t i = 0; i < info.labels.size(); ++i) {
            out << (i == 0 ? "" : ", ") << '`' << info.labels[i] << '`';
        }
        out << label_values(info.name) << " | " << info.help << " |\n";
    }
}

std::string tables() {
    std::ostringstream out;
    add_table(out, "Clients, commands and links", shard_metrics());
    add_table(out, "How long things take", shard_histograms());
    add_table(out, "The portal, its nodes and failover", provided_metrics());
    add_table(out, "The process", process_metrics_info());
    out << '\n';
    return out.str();
}

TEST(MetricsDoc, HoldsExactlyTheCatalogue) {
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
        << "run observe_test with PORTAL_UPDATE_DOCS=1 to write the tables of docs/operate/metrics.md anew";
}

}  // namespace
}  // namespace portal::observe
