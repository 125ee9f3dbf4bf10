// The one truth that the portals share: who leads, in which epoch, and which portal acts. Kept by an arbiter, changed
// only by compare-and-swap. Beside it every portal keeps a mark of its own. Pure values; knows no file, no network and
// no clock.
#pragma once

#include "replication/candidate.hpp"
#include "replication/topology.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portal::sentinel {

enum class Phase : std::uint8_t {
    bootstrapping,  // no leader has been chosen yet; epoch 0
    leading,        // `leader` leads; portals forward to it
    fencing         // `leader` is being replaced; portals forward nothing
};

struct Record {
    /// Made with the record and never changed: tells it from the record of other portals. Empty: of an older version.
    std::string id;
    replication::Epoch epoch{0};
    Phase phase = Phase::bootstrapping;
    /// Name of the node that leads; in phase fencing the one that is being replaced; empty while bootstrapping.
    std::string leader;
    /// Names of the nodes (leader included) that may be promoted because they hold what was confirmed.
    std::vector<std::string> in_sync;
    /// With proven writes: names of the nodes whose word every reply needs already, and that join `in_sync` when they
    /// have caught up.
    std::vector<std::string> joining;
    /// Name of the acting portal; empty when it gave the role away.
    std::string acting;
    /// Grows with each renewal by the acting portal. Others watch it change by their own clocks; clocks are never
    /// compared.
    std::uint64_t renewals = 0;
    /// What was last known of each node's data, by name.
    std::map<std::string, replication::KnownData> known;
    /// One sentence: why this epoch began.
    std::string reason;
    /// Since when `leader` leads, in seconds of Unix time, for people. 0: not known.
    std::int64_t leader_since = 0;
    /// By which every portal tells its clients of the change of leader that began this epoch, and by the one behind it
    /// that it is over: milliseconds of Unix time when it began, but more than the one before. 0: an older version
    /// wrote the record.
    std::int64_t notice = 0;
    /// Accounts of the last changes of leader as JSON objects, for people; oldest first.
    std::vector<std::string> history;
    /// The answer to the last switchover that another portal asked for: its Mark::wants_id, and an error or nothing.
    std::string answered_id;
    std::string answered_error;

    bool operator==(const Record&) const = default;
};

/// What one portal tells the others; only that portal writes it.
struct Mark {
    std::string portal;
    /// Another one in each attempt to write the mark, so that the others see it change.
    std::uint64_t beat = 0;
    /// The newest fencing epoch for which this portal has stopped forwarding.
    replication::Epoch fenced{0};
    /// This portal's own probes reach the recorded leader.
    bool reaches_leader = false;
    /// A node that this portal believes dead; the acting portal looks at it at once. Empty: none.
    std::string suspects;
    /// A switchover that this portal was asked for and the acting one shall do. Empty id: none; empty target: any
    /// in-sync node.
    std::string wants_id;
    std::string wants_to;
    /// The epoch that was without a leader when it was asked: then the target shall lead whatever it lacks. 0: a leader
    /// led, and nothing was to be lost.
    replication::Epoch wants_in{0};
    /// What this portal, which acts, waits for before there can be a leader. Empty: for nothing.
    std::string waits_for = {};
    /// Where people reach its status page. Empty: not known.
    std::string url = {};

    bool operator==(const Mark&) const = default;
};

/// The record and all marks as of one moment. `version` is opaque and belongs in the next write (a counter, an etcd
/// revision, a resourceVersion); empty when there is nothing yet to compare with.
struct Snapshot {
    std::optional<Record> record;
    std::string version;
    std::vector<Mark> marks;
};

/// The number for a change of leader that begins now, in milliseconds of Unix time.
[[nodiscard]] std::int64_t next_notice(std::int64_t before, std::int64_t now) noexcept;

/// How many accounts a record keeps, and how long each may be: the whole of it is written at each renewal.
inline constexpr std::size_t kKeptAccounts = 5;
inline constexpr std::size_t kLongestAccount = 1024;
void add_account(Record& record, std::string account);

std::string_view to_string(Phase phase) noexcept;

}  // namespace portal::sentinel
