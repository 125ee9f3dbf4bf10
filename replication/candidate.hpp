// Which node becomes leader: after a loss (in sync, data kept, lowest replica-priority, highest offset) and at the very
// beginning, when no record says who led. Says of every other node why it was refused. Never picks an empty node while
// data may exist elsewhere. Pure.
#pragma once

#include "replication/info_parser.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace portal::replication {

/// What was last known of a node's data.
struct KnownData {
    std::string run_id;
    std::string replid;
    std::uint64_t offset = 0;
    std::uint64_t keys = 0;
    bool operator==(const KnownData&) const = default;
};

/// A configured node as the chooser sees it. Order in the list is the order of the configuration and breaks ties.
struct Contender {
    std::string name;
    /// Empty when it cannot be reached (`trouble` says how) or has not reported since forwarding stopped.
    std::optional<NodeReport> report;
    std::string trouble;
    bool in_sync = false;
    std::optional<KnownData> known;
    /// It was the leader: that it has its role back is no promotion, which a `replica-priority` of 0 forbids.
    bool led = false;
    /// It must have everything that was ever confirmed: a restart counts as a loss, whatever its offset.
    bool restart_loses = false;
};

struct Refusal {
    std::string node;
    std::string why;
    bool operator==(const Refusal&) const = default;
};

struct Choice {
    std::optional<std::string> node;
    /// One sentence: why this node, or why none yet and what the operator can do.
    std::string why;
    std::vector<Refusal> refused;
};

/// Whether a node still holds what it was known to hold.
enum class Kept : std::uint8_t {
    all,        // the same process, or a restarted one that is not behind what was known of it
    some,       // restarted with data, but behind what was known or of unknown history
    nothing,    // restarted empty, although it held data
    never_any,  // empty, and not known to have held anything
};
Kept data_kept(const NodeReport& report, const std::optional<KnownData>& known, bool restart_loses = false) noexcept;

/// True when it may not be promoted, whoever asks for it: a replica with `replica-priority` 0, or one that is `barred`.
bool is_barred(const NodeReport& report) noexcept;
/// What keeps a barred node from leading, and what an operator can do about it.
std::string why_barred(const std::string& name, const NodeReport& report);

/// What an operator reads of a node in cluster mode. It refuses REPLICAOF and sends clients to other nodes (MOVED), so
/// no portal can lead it.
std::string why_no_cluster(const std::string& name);

/// Chooses the next leader. A node whose restart lost something is taken only when every in-sync node has reported or
/// when `waited` has reached `patience`; an empty one that held data only when every node has reported and none holds
/// data. A replica with `replica-priority` 0 is never chosen; and while it holds what the best of the others lacks,
/// nobody is.
Choice choose_candidate(const std::vector<Contender>& contenders, std::chrono::milliseconds waited,
                        std::chrono::milliseconds patience);

/// Chooses the first leader, without a record: the one leader that is found, else the node with the most data. `forced`
/// is an operator's decision and needs only that node to be reachable, and not to be barred.
Choice choose_first_leader(const std::vector<Contender>& contenders, const std::optional<std::string>& forced);

}  // namespace portal::replication
