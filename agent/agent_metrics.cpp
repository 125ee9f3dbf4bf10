#include "agent/agent_metrics.hpp"

#include "agent/redis_metrics.hpp"
#include "observe/exporter.hpp"

#include <array>
#include <iterator>
#include <sstream>
#include <utility>

#include <openssl/crypto.h>
#include <prometheus/text_serializer.h>

namespace portal::agent {
namespace {

using observe::MetricInfo;
using observe::MetricType;

enum Own : std::size_t { kBuildInfo, kSize, kUsed, kAvailable, kLeaving, kHandOvers };

const std::array<MetricInfo, 6>& catalogue() {
    static const std::array<MetricInfo, 6> rows{{
        {"redis_portal_agent_build_info",
         MetricType::gauge,
         {"version", "revision", "compiler", "openssl"},
         "Always 1; the labels say what runs."},
        {"redis_portal_volume_filesystem_size_bytes", MetricType::gauge, {}, "Size of the file system with the data."},
        {"redis_portal_volume_filesystem_used_bytes", MetricType::gauge, {}, "What is used of it."},
        {"redis_portal_volume_filesystem_available_bytes", MetricType::gauge, {}, "What Redis may still use of it."},
        {"redis_portal_agent_leaving", MetricType::gauge, {}, "1 while the node is about to stop."},
        {"redis_portal_agent_hand_overs_total",
         MetricType::counter,
         {"result"},
         "Times that this node led and was to stop; result success if another node led before it did, else failure."},
    }};
    return rows;
}

prometheus::MetricFamily family(Own row, double value) {
    const auto& info = catalogue().at(row);
    prometheus::MetricFamily made{std::string(info.name), std::string(info.help), prometheus::MetricType::Gauge, {}};
    made.metric.emplace_back().gauge.value = value;
    return made;
}

prometheus::MetricFamily hand_overs(const AgentState& state) {
    const auto& info = catalogue()[kHandOvers];
    prometheus::MetricFamily made{std::string(info.name), std::string(info.help), prometheus::MetricType::Counter, {}};
    for (const auto& [result, count] :
         {std::pair{"success", state.handed_over.load()}, std::pair{"failure", state.not_handed_over.load()}}) {
        auto& metric = made.metric.emplace_back();
        metric.label.push_back({"result", result});
        metric.counter.value = static_cast<double>(count);
    }
    return made;
}

prometheus::MetricFamily build_info() {
    auto made = family(kBuildInfo, 1);
    const auto sample = observe::build_info(OpenSSL_version(OPENSSL_VERSION_STRING));
    for (std::size_t i = 0; i < sample.label_values.size(); ++i) {
        made.metric[0].label.push_back({std::string(catalogue()[kBuildInfo].labels[i]), sample.label_values[i]});
    }
    return made;
}

/// A short word for the label `err`.
std::string_view problem_of(const sentinel::Reply& reply) {
    switch (reply.status) {
        case sentinel::LinkStatus::ok:
            return reply.is_error ? "denied" : "";
        case sentinel::LinkStatus::refused:
            return "refused";
        case sentinel::LinkStatus::broken:
            return "broken";
        case sentinel::LinkStatus::silent:
            break;
    }
    return "silent";
}

}  // namespace

std::string metrics_text(const sentinel::Reply& info, const AgentState& state) {
    auto families = scrape_families(problem_of(info));
    if (info.good()) {
        std::ranges::move(redis_families(InfoText(info.text)), std::back_inserter(families));
    }
    families.push_back(build_info());
    if (const auto volume = state.volume()) {
        families.push_back(family(kSize, static_cast<double>(volume->size)));
        families.push_back(family(kUsed, static_cast<double>(volume->used)));
        families.push_back(family(kAvailable, static_cast<double>(volume->available)));
    }
    families.push_back(family(kLeaving, state.leaving() ? 1 : 0));
    families.push_back(hand_overs(state));
    std::ranges::move(observe::process_families(), std::back_inserter(families));
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, families);
    return std::move(text).str();
}

std::span<const MetricInfo> agent_metric_catalogue() {
    return catalogue();
}

}  // namespace portal::agent
