// The content of /status.json as plain values, for the status page and the status command. Members that are missing or
// of another type are left empty, so that a newer or older portal can be shown too. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/object.hpp>

namespace portal::admin {

struct NodeView {
    std::string name, address, health, role;
    std::optional<std::int64_t> offset, lag_bytes;
    std::optional<bool> link_up;
};

struct PortalView {
    std::string name, url, waits_for;
    bool live = false;
    bool reaches_leader = false;
};

/// One change of leader, of the record.
struct ChangeView {
    std::string date, from, to, reason, carried_out_by;
    bool planned = false;
    bool aborted = false;
    std::optional<std::int64_t> milliseconds, in_doubt;
};

struct CertificateView {
    std::string listener, not_after;
    std::optional<std::int64_t> days_left;
};

struct StatusView {
    std::string name, version, state, reason;
    std::vector<std::string> why;  // what is not as it should be, in sentences
    std::optional<std::int64_t> uptime_seconds;
    std::optional<std::int64_t> epoch;
    std::string leader, leader_since, acting;
    bool acting_here = false;
    std::vector<NodeView> nodes;
    std::optional<std::int64_t> sessions, sessions_limit, sessions_accepted;
    std::optional<std::int64_t> links_shared, links_pinned;
    std::string proven;                                              // writes.proven
    std::vector<std::string> confirming;                             // nodes that must confirm a write
    std::optional<std::int64_t> waiting_replies;                     // to writes that are not confirmed yet
    std::vector<std::pair<std::string, std::string>> last_failover;  // names and values, in the order given
    std::vector<CertificateView> certificates;
    std::vector<PortalView> portals;  // all, this one included
    std::vector<ChangeView> changes;  // oldest first
};

[[nodiscard]] StatusView read_status(const boost::json::object& status);

/// "first leader", "switchover", "failover, aborted".
[[nodiscard]] std::string kind_of(const ChangeView& change);
/// "3d 4h", "2h 5m", "1m 7s", "9s".
[[nodiscard]] std::string spoken_duration(std::int64_t seconds);
/// "-" for an empty text or number.
[[nodiscard]] std::string shown(std::string_view text);
[[nodiscard]] std::string shown(std::optional<std::int64_t> number);

}  // namespace portal::admin
