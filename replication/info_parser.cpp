#include "replication/info_parser.hpp"

#include "replication/fields.hpp"

#include <charconv>
#include <concepts>

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

void apply(NodeReport& report, std::string_view key, std::string_view value) {
    if (key == "role") {
        report.role = value == "master" ? Role::leader : value == "slave" ? Role::replica : Role::unknown;
    } else if (key == "run_id") {
        report.run_id = value;
    } else if (key == "redis_version") {
        report.version = value;
    } else if (key == "redis_mode") {
        report.cluster = value == "cluster";
    } else if (key == "loading") {
        report.loading = value != "0";
    } else if (key == "master_host") {
        report.leader.host = value;
    } else if (key == "master_port") {
        report.leader.port = number_or<std::uint16_t>(value, 0);
    } else if (key == "master_link_status") {
        report.link_up = value == "up";
    } else if (key == "master_last_io_seconds_ago") {
        report.leader_heard_seconds_ago = number_or<std::int64_t>(value, -1);
    } else if (key == "master_sync_in_progress") {
        report.sync_in_progress = value != "0";
    } else if (key == "slave_priority") {
        report.priority = number_or<std::uint32_t>(value, kUsualPriority);
    } else if (key == "master_replid") {
        report.replid = value;
    } else if (key == "master_replid2") {
        // A history of zeros is none.
        report.former_replid = value.find_first_not_of('0') == std::string_view::npos ? std::string_view{} : value;
    } else if (key == "second_repl_offset") {
        report.former_offset = number_or<std::int64_t>(value, -1);
    } else if (key == "master_repl_offset") {
        report.offset = number_or<std::uint64_t>(value, 0);
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
