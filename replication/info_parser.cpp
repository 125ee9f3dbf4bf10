#include "replication/info_parser.hpp"

#include "replication/fields.hpp"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <iterator>

namespace portal::replication {
namespace {

template <std::integral Number>
Number number_or(std::string_view text, Number fallback) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? value : fallback;
}

bool is_numbered(std::string_view key, std::string_view prefix) {
    return key.size() > prefix.size() && key.starts_with(prefix) &&
           key.find_first_not_of("0123456789", prefix.size()) == std::string_view::npos;
}

ConnectedReplica parse_replica(std::string_view fields) {
    ConnectedReplica replica;
    replica.endpoint.host = field_of(fields, "ip", ',');
    replica.endpoint.port = number_or<std::uint16_t>(field_of(fields, "port", ','), 0);
    replica.state = field_of(fields, "state", ',');
    replica.offset = number_or<std::uint64_t>(field_of(fields, "offset", ','), 0);
    replica.lag = number_or<std::int64_t>(field_of(fields, "lag", ','), -1);
    return replica;
}

/// More than any node loads.
constexpr std::size_t kMostModules = 64;

struct Field {
    std::string_view key;
    void (*apply)(NodeReport& report, std::string_view value);
};

constexpr Field kFields[]{
    {"role",
     [](NodeReport& report, std::string_view value) {
         report.role = value == "master" ? Role::leader : value == "slave" ? Role::replica : Role::unknown;
     }},
    {"run_id", [](NodeReport& report, std::string_view value) { report.run_id = value; }},
    {"redis_version", [](NodeReport& report, std::string_view value) { report.version = value; }},
    {"redis_mode", [](NodeReport& report, std::string_view value) { report.cluster = value == "cluster"; }},
    {"loading", [](NodeReport& report, std::string_view value) { report.loading = value != "0"; }},
    {"master_host", [](NodeReport& report, std::string_view value) { report.leader.host = value; }},
    {"master_port",
     [](NodeReport& report, std::string_view value) { report.leader.port = number_or<std::uint16_t>(value, 0); }},
    {"master_link_status", [](NodeReport& report, std::string_view value) { report.link_up = value == "up"; }},
    {"master_last_io_seconds_ago",
     [](NodeReport& report, std::string_view value) {
         report.leader_heard_seconds_ago = number_or<std::int64_t>(value, -1);
     }},
    {"master_sync_in_progress",
     [](NodeReport& report, std::string_view value) { report.sync_in_progress = value != "0"; }},
    {"slave_priority",
     [](NodeReport& report, std::string_view value) {
         report.priority = number_or<std::uint32_t>(value, kUsualPriority);
     }},
    {"master_replid", [](NodeReport& report, std::string_view value) { report.replid = value; }},
    {"master_replid2",
     [](NodeReport& report, std::string_view value) {
         const bool none = value.find_first_not_of('0') == std::string_view::npos;  // a history of zeros
         report.former_replid = none ? std::string_view{} : value;
     }},
    {"second_repl_offset",
     [](NodeReport& report, std::string_view value) { report.former_offset = number_or<std::int64_t>(value, -1); }},
    {"module",
     [](NodeReport& report, std::string_view value) {
         if (const auto name = field_of(value, "name", ','); !name.empty() && report.modules.size() < kMostModules) {
             report.modules.emplace_back(name);
         }
     }},
    {"master_repl_offset",
     [](NodeReport& report, std::string_view value) { report.offset = number_or<std::uint64_t>(value, 0); }},
};

void apply(NodeReport& report, std::string_view key, std::string_view value) {
    if (const auto* field = std::ranges::find(kFields, key, &Field::key); field != std::end(kFields)) {
        field->apply(report, value);
    } else if (is_numbered(key, "slave")) {
        report.replicas.push_back(parse_replica(value));
    } else if (is_numbered(key, "db")) {
        report.keys += number_or<std::uint64_t>(field_of(value, "keys", ','), 0);
    }
}

}  // namespace

std::optional<NodeReport> parse_info(std::string_view text) {
    NodeReport report;
    while (!text.empty()) {
        auto line = take_until(text, '\n');
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        const auto key = take_until(line, ':');
        apply(report, key, line);
    }
    if (report.role == Role::unknown) {
        return std::nullopt;
    }
    return report;
}

bool descends_from(const NodeReport& report, std::string_view replid) noexcept {
    return !replid.empty() && (report.replid == replid || report.former_replid == replid);
}

bool share_history(const NodeReport& a, const NodeReport& b) noexcept {
    return descends_from(a, b.replid) || descends_from(a, b.former_replid) || descends_from(b, a.replid);
}

}  // namespace portal::replication
