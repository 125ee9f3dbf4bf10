// Judges the recorded leader by what probes and replicas say, and keeps the record's account of the data up to date
// while it leads. The rules of evidence for a failover are here and nowhere else. Pure.
#pragma once

#include "sentinel/view.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace portal::sentinel {

enum class LeaderState : std::uint8_t {
    fine,     // answers, leads, and is the process that was recorded
    unclear,  // wait for the next report
    busy,     // lives, serves nobody, and keeps its role for now
    cut_off,  // does not answer here, yet a replica hears it: not dead
    dead,     // gone by all accounts
    lost      // answers, but no longer leads the recorded data: it restarted or follows another
};

struct LeaderVerdict {
    LeaderState state = LeaderState::unclear;
    std::string why;
};

/// For a record in phase leading.
LeaderVerdict judge_leader(const View& view, const Timing& timing);

/// When the replica `before` must have heard from its leader for the last time, given a new `report` that arrived `at`:
/// the moment at which its offset was first seen as it is, or what its own count of whole seconds allows.
TimePoint latest_hearing(const NodeView& before, const replication::NodeReport& report, TimePoint at);

/// The moment as of which all nodes agree that the recorded leader leads: it says so itself, and every other node
/// follows it and has heard from it lately. Nothing when one does not answer or says otherwise, as one
/// would after another portal has changed the leader.
std::optional<TimePoint> agreed_since(const View& view, const Timing& timing);

/// Another portal may see all nodes agree on the recorded leader, for all that is known here: no node contradicts.
/// Where in doubt, true.
bool may_agree(const View& view, const Timing& timing);
/// The recorded leader has said after `not_before` that it leads, and it is the process that the record knows.
bool leads_on(const View& view, TimePoint not_before);

/// True when no node answers here while another live portal reaches the leader: then this portal is the one in trouble.
bool isolated(const View& view, const Timing& timing);

/// The record with its in-sync set and its account of each node's data as the newest reports have them. Only for a
/// leader that is fine. A replica leaves the set only on the word of a leader that was alive after the replica fell
/// behind, so the leader's own death never empties it.
Record kept_up(const View& view);

/// A node with data of its own that never followed this leader is not part of the record. Both have reported.
bool belongs(const Record& record, const NodeView& node, const NodeView& leader);

/// Another process than the one whose data the record describes.
bool was_restarted(const Record& record, const NodeView& node);

/// A node's data as the record keeps it.
replication::KnownData known_data(const replication::NodeReport& report);

}  // namespace portal::sentinel
