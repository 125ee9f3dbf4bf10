// Settings of redis.conf that live in one process and that Redis does not replicate. What is CONFIG SET on a leader
// would be lost with it: so its replicas are told the same, and what is asserted every node is told. Pure.
#pragma once

#include "sentinel/told.hpp"

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace portal::sentinel {

/// Values by name, as CONFIG GET shows them.
using Settings = std::map<std::string, std::string, std::less<>>;

/// What replicas take over from their leader: what people change while a server runs, and what means the same on every
/// node. Not what has to do with the machine (maxmemory), the files (save, appendonly), logins or replication.
inline constexpr std::array<std::string_view, 9> kFollowed{"notify-keyspace-events",
                                                           "maxmemory-policy",
                                                           "busy-reply-threshold",
                                                           "slowlog-log-slower-than",
                                                           "slowlog-max-len",
                                                           "latency-monitor-threshold",
                                                           "latency-tracking",
                                                           "client-output-buffer-limit",
                                                           "timeout"};

/// What the configuration asks for. Name and value of each, in its order.
struct SettingsWanted {
    bool follow_leader = true;
    std::vector<std::pair<std::string, std::string>> asserted;
    bool operator==(const SettingsWanted&) const = default;

    /// What has to be read of a node.
    [[nodiscard]] std::vector<std::string> names() const;
};

/// What one node was told, and what it refused.
class SettingsTold {
  public:
    /// What the node is to be told now. `leader`: what the leader has; null: the node leads itself.
    [[nodiscard]] std::vector<std::pair<std::string, std::string>> due(const SettingsWanted& wanted,
                                                                       const Settings& node,
                                                                       const Settings* leader) const;
    void accepted(const std::string& name, const std::string& value, std::string shown) {
        told_.accepted(name, value, std::move(shown));
    }
    void refused(const std::string& name, const std::string& value, std::string why) {
        told_.refused(name, value, std::move(why));
    }
    void forget() { told_.forget(); }
    /// For people: what was asserted and is refused.
    [[nodiscard]] std::optional<std::string> refusal(const SettingsWanted& wanted) const;

  private:
    Told told_;
};

}  // namespace portal::sentinel
