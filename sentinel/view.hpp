// Everything a decision rests on, as of one moment: the record, what the probes saw of the nodes, what the marks say of
// the portals. Made by the monitor once per turn and passed down; decisions look at nothing else. Pure values.
#pragma once

#include "replication/reconfigure.hpp"
#include "sentinel/arbiter/record.hpp"
#include "sentinel/health.hpp"
#include "sentinel/login.hpp"
#include "sentinel/observation.hpp"
#include "sentinel/visitors.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portal::sentinel {

/// Whether replies to writes wait for replicas, and what happens when there is none.
enum class ProvenWrites : std::uint8_t { off, available, strict };

struct Timing {
    Milliseconds ping_interval{200};
    Milliseconds down_after{1000};
    Milliseconds busy_after{10000};
    Milliseconds fence_after{2000};
    Milliseconds lease{4000};
    /// A portal may forward without the arbiter while all nodes agree; so a mark that stands still proves nothing.
    bool failsafe = false;
    /// How long a failover waits for in-sync nodes that are away before it takes one whose restart lost something.
    Milliseconds patience{10000};
    ProvenWrites proven = ProvenWrites::off;
};

struct NodeView {
    replication::Node node;
    std::vector<std::string> addresses;
    bool leaving = false;  // not configured any more, and watched only because it leads
    Health health = Health::suspected;
    bool refused = false;
    bool overdue = false;  // down, but only because it has been busy for too long
    TimePoint failing_since;
    TimePoint unserved_since;  // it has owed a proper answer since; later than now while none is due
    std::string trouble;
    LoginState login;           // of the newest fresh login
    Visitors visitors;          // who else was connected there then
    bool looked_around = true;  // `visitors` are known, or the node does not say
    std::string twin_of;        // its address leads to the process of this other node; then it counts as down
    /// The newest report; empty before the first, and when the node answers with errors.
    std::optional<replication::NodeReport> report;
    TimePoint asked_at;     // the newest answer was made after this
    TimePoint reported_at;  // and arrived here
    /// As a replica: it has not heard from its leader since. The beginning of time while its link is down.
    TimePoint heard_at;
};

struct PortalView {
    Mark mark;
    /// When this portal saw the mark change last, or saw it first.
    TimePoint changed_at;
};

struct View {
    std::string self;
    TimePoint now;
    Record record;
    /// When this portal first saw the record in this epoch and phase.
    TimePoint phase_since;
    /// The marks were read since then: none of an earlier read counts for what has stood still.
    bool marks_are_of_phase = true;
    std::vector<NodeView> nodes;
    std::vector<PortalView> portals;  // this one included
};

const NodeView* find_node(const View& view, std::string_view name) noexcept;
/// The node as the rules of replication see it; its report is empty where there is none.
replication::SeenNode seen(const NodeView& node);
/// What an operator reads of a node that refuses the monitor's login.
std::string login_sentence(const NodeView& node);
bool is_named(const std::vector<std::string>& names, std::string_view name) noexcept;

}  // namespace portal::sentinel
