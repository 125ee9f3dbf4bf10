#include "observe/exporter.hpp"

#include "observe/process_metrics.hpp"

#include <chrono>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace portal::observe {
namespace {

bool is_name(std::string_view text) {
    return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

/// Where the labels that begin at `text` end: behind the closing brace. Zero when they are not well formed.
std::size_t labels_end(std::string_view text) {
    std::size_t at = 0;
    do {
        const auto name_end = text.find('=', ++at);
        if (name_end == std::string_view::npos || !is_name(text.substr(at, name_end - at)) ||
            text.substr(name_end + 1, 1) != "\"") {
            return 0;
        }
        at = name_end + 2;
        while (at < text.size() && text[at] != '"') {
            at += text[at] == '\\' ? 2U : 1U;
        }
        ++at;
    } while (at < text.size() && text[at] == ',');
    return at < text.size() && text[at] == '}' ? at + 1 : 0;
}

/// Reads the text format; a line that it does not understand is a failure. Keys: name with labels as written.
std::map<std::string, double> parse(const std::string& text) {
    std::map<std::string, double> values;
    std::set<std::string> comments;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("# HELP ") || line.starts_with("# TYPE ")) {
            const auto name_end = line.find(' ', 7);
            EXPECT_TRUE(name_end != std::string::npos && name_end + 1 < line.size()) << "cut: " << line;
            EXPECT_TRUE(comments.insert(line.substr(2, name_end - 2)).second) << "twice: " << line;
            continue;
        }
        const auto name = line.substr(0, line.find_first_of("{ "));
        EXPECT_TRUE(is_name(name)) << line;
        const auto family = name.substr(0, name.rfind('_'));  // of a histogram's _bucket, _count and _sum
        EXPECT_TRUE(comments.contains("TYPE " + name) || comments.contains("TYPE " + family)) << "no type: " << line;
        auto key_end = name.size();
        if (line.substr(key_end, 1) == "{") {
            key_end += labels_end(std::string_view(line).substr(key_end));
        }
        std::size_t digits = 0;
        const auto rest = key_end + 1 < line.size() && line[key_end] == ' ' ? line.substr(key_end + 1) : "none";
        const auto value = rest == "none" ? 0 : std::stod(rest, &digits);
        EXPECT_EQ(digits, rest.size()) << "not understood: " << line;
        EXPECT_TRUE(values.emplace(line.substr(0, key_end), value).second) << "twice: " << line;
    }
    EXPECT_TRUE(text.ends_with('\n'));
    return values;
}

TEST(Exporter, SumsTheCountersOfAllShards) {
    ShardCounters first;
    ShardCounters second;
    first.client_connections.add(3);
    first.client_connections.subtract();
    second.client_connections.add(5);
    at(second.client_connections_closed, Closed::idle).add(4);
    at(first.tls_handshake_failures, HandshakeFailure::plaintext).add(1);
    const auto values = parse(Exporter({&first, &second}).render());
    EXPECT_EQ(values.at("redis_portal_client_connections"), 7);
    EXPECT_EQ(values.at(R"(redis_portal_client_connections_closed_total{reason="idle"})"), 4);
    EXPECT_EQ(values.at(R"(redis_portal_client_connections_closed_total{reason="quit"})"), 0);
    EXPECT_EQ(values.at(R"(redis_portal_tls_handshake_failures_total{reason="plaintext"})"), 1);
}

TEST(Exporter, ExportsEverySeriesOfTheCatalogueWithItsOwnNumber) {
    ShardCounters shard;
    std::uint64_t number = 1000;
    for (const auto& series : shard_series()) {
        const_cast<Counter&>(series.counter(shard)).set(number++);
    }
    const auto values = parse(Exporter({&shard}).render());
    number = 1000;
    for (const auto& series : shard_series()) {
        const auto& info = shard_metrics()[series.metric];
        std::string key(info.name);
        if (!info.labels.empty()) {
            key += "{" + std::string(info.labels.front()) + "=\"" + std::string(series.label_value) + "\"}";
        }
        ASSERT_TRUE(values.contains(key)) << key;
        EXPECT_EQ(values.at(key), static_cast<double>(number++)) << key;
    }
}

TEST(Exporter, AddsUpTheBucketsOfHistogramsOverAllShards) {
    ShardCounters first;
    ShardCounters second;
    using namespace std::chrono_literals;
    auto& writes = at(first.command_times, CommandClass::write);
    writes.note(0ns);
    writes.note(100us);
    writes.note(100'001ns);
    at(second.command_times, CommandClass::write).note(900us);
    at(second.command_times, CommandClass::write).note(1min);
    const auto values = parse(Exporter({&first, &second}).render());
    const auto up_to = [&values](const std::string& bound) {
        return values.at(R"(redis_portal_command_duration_seconds_bucket{class="write",le=")" + bound + "\"}");
    };
    EXPECT_EQ(up_to("0.0001"), 2);
    EXPECT_EQ(up_to("0.00025"), 3);
    EXPECT_EQ(up_to("0.0005"), 3);
    EXPECT_EQ(up_to("0.001"), 4);
    EXPECT_EQ(up_to("10"), 4);
    EXPECT_EQ(up_to("+Inf"), 5);
    EXPECT_EQ(values.at(R"(redis_portal_command_duration_seconds_count{class="write"})"), 5);
    EXPECT_NEAR(values.at(R"(redis_portal_command_duration_seconds_sum{class="write"})"), 60.001100001, 1e-9);
    EXPECT_EQ(values.at(R"(redis_portal_command_duration_seconds_count{class="read"})"), 0);
    EXPECT_EQ(values.at("redis_portal_event_loop_lag_seconds_count"), 0);
}

TEST(Exporter, KeepsBigCountersExact) {
    ShardCounters shard;
    shard.client_sent_bytes.set((1ULL << 53U) - 1);
    const auto values = parse(Exporter({&shard}).render());
    EXPECT_EQ(values.at("redis_portal_client_sent_bytes_total"), static_cast<double>((1ULL << 53U) - 1));
}

TEST(Exporter, TakesSamplesOfProvidersUnderTheLabelsOfTheCatalogue) {
    Exporter exporter({});
    exporter.add_provider([](std::vector<Sample>& samples) {
        samples.push_back({Metric::leader_epoch, {}, 7});
        samples.push_back({Metric::backend_role, {"redis-0", "leader"}, 1});
        samples.push_back({Metric::backend_role, {"redis-0", "replica"}, 0});
        samples.push_back({Metric::failovers, {"planned", "ok"}, 2});
        samples.push_back({Metric::backend_up, {"ev\"il\\\nname"}, 1});
    });
    exporter.add_provider(add_log_samples);
    exporter.add_provider([](std::vector<Sample>& samples) { samples.push_back(build_info("OpenSSL 3")); });
    const auto text = exporter.render();
    const auto values = parse(text);
    EXPECT_EQ(values.at("redis_portal_leader_epoch"), 7);
    EXPECT_EQ(values.at(R"(redis_portal_backend_role{backend="redis-0",role="leader"})"), 1);
    EXPECT_EQ(values.at(R"(redis_portal_backend_role{backend="redis-0",role="replica"})"), 0);
    EXPECT_EQ(values.at(R"(redis_portal_failovers_total{type="planned",result="ok"})"), 2);
    EXPECT_EQ(values.at(R"(redis_portal_backend_up{backend="ev\"il\\\nname"})"), 1);
    EXPECT_TRUE(values.contains(R"(redis_portal_log_messages_total{level="warn"})"));
    EXPECT_NE(text.find("redis_portal_build_info{version=\""), std::string::npos);
    EXPECT_NE(text.find("# TYPE redis_portal_failovers_total counter\n"), std::string::npos);
    EXPECT_NE(text.find("# TYPE redis_portal_leader_epoch gauge\n"), std::string::npos);
}

TEST(Exporter, ASampleGivenTwiceIsExportedOnceWithTheLaterValue) {
    Exporter exporter({});
    exporter.add_provider([](std::vector<Sample>& samples) { samples.push_back({Metric::leader_known, {}, 0}); });
    exporter.add_provider([](std::vector<Sample>& samples) { samples.push_back({Metric::leader_known, {}, 1}); });
    EXPECT_EQ(parse(exporter.render()).at("redis_portal_leader_known"), 1);
}

TEST(Exporter, LeavesOutMetricsThatNobodyProvides) {
    EXPECT_EQ(Exporter({}).render().find("redis_portal_leader_known"), std::string::npos);
}

TEST(ProcessFigures, AreThoseOfThisProcess) {
    const auto figures = read_process_figures();
    ASSERT_TRUE(figures.resident_memory_bytes && figures.virtual_memory_bytes && figures.open_fds && figures.max_fds &&
                figures.cpu_seconds && figures.start_time_seconds);
    EXPECT_GT(*figures.resident_memory_bytes, 1e6);
    EXPECT_GE(*figures.virtual_memory_bytes, *figures.resident_memory_bytes);
    EXPECT_GE(*figures.open_fds, 3);
    EXPECT_LT(*figures.open_fds, *figures.max_fds);
    const auto now = static_cast<double>(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()));
    EXPECT_LE(*figures.start_time_seconds, now + 2);
    EXPECT_GT(*figures.start_time_seconds, now - 3600);
}

}  // namespace
}  // namespace portal::observe
