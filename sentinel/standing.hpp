// Where one portal stands towards the record and the other portals: what it has confirmed, whether it acts, whether it
// may forward and until when, what it writes next. The monitor makes the calls and tells this what came of them. Pure:
// no I/O, time is passed in.
#pragma once

#include "replication/topology.hpp"
#include "sentinel/acting_role.hpp"
#include "sentinel/leader_watch.hpp"
#include "sentinel/proven_sync.hpp"
#include "sentinel/view.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace portal::sentinel {

class Standing {
  public:
    Standing(std::string self, Timing timing, TimePoint now);
    /// The id of the record, should this portal be the one that makes it.
    void offer_record_id(std::string id) { offered_id_ = std::move(id); }
    /// Where people reach this portal's status page.
    void introduce(std::string url) { mark_.url = std::move(url); }
    /// Goes into the record with the next renewal: the account of a change of leader that this portal carried out.
    void remember(std::string account) { accounts_.push_back(std::move(account)); }

    // The record, as the arbiter's answers tell. What was asked for counts from before it was asked for.
    struct Reading {
        bool gone_back = false;             // an older epoch than was known: nothing of it was taken in
        bool first = false;                 // the first record that this portal saw
        bool new_phase = false;             // the epoch or the phase is another
        std::optional<Record> before;       // what was known so far
        std::vector<std::string> suspects;  // nodes that other portals have begun to suspect
    };
    Reading read(Snapshot snapshot, TimePoint asked_at, TimePoint now);
    /// Nothing is decided and no permit extended before the record was read again, `after` some time.
    void arbiter_failed(std::string error, Milliseconds after, TimePoint now);

    /// The record that takes the acting role or renews it, or that keeps the account of the data; nothing when none of
    /// this is due.
    [[nodiscard]] std::optional<Record> due_record(const std::vector<NodeView>& nodes, TimePoint now);
    /// Call before each write; returns what to write.
    Record begin_write(Record next, std::string holder, TimePoint now);
    /// Returns true when the epoch or the phase is another.
    bool written(Record record, std::string version, TimePoint asked_at, TimePoint now);
    void gave_away(TimePoint now) { role_.gave_away(now); }

    // The leader.
    View look(const std::vector<NodeView>& nodes, TimePoint now);
    /// Nothing is routed to the leader before a probe has seen it lead.
    void doubt_leader() { vouched_for_ = false; }
    /// What this portal, which acts, waits for before there can be a leader; empty: for nothing.
    void explain(std::string why) { waits_for_ = std::move(why); }
    /// What may be routed by: a leader only while the record names one and nothing that is known here speaks against
    /// it.
    [[nodiscard]] replication::Topology topology(const View& view) const;
    /// `topology` went out to the shards; returns a serial number for applied().
    std::uint64_t published(replication::TopologyPtr topology);
    void applied(std::uint64_t serial) { applied_ = std::max(applied_, serial); }

    // The mark and the permit.
    [[nodiscard]] std::optional<Mark> due_mark(const View& view, TimePoint now);
    void mark_written(Mark mark, TimePoint asked_at);
    /// Until when this portal may forward by the record: for `fence_after` (less what clocks may differ by) from before
    /// it asked for its newest mark, and only if the record was seen to name the leader after that mark was there. So a
    /// portal that reads the marks once the record says fencing finds the mark that each permit counts from: when that
    /// mark has stood still for `fence_after`, its portal does not forward any more.
    [[nodiscard]] std::optional<TimePoint> permit() const;
    /// With `failsafe`, and while the arbiter does not answer: until when this portal may forward on the word of all
    /// nodes. Only if the record was seen to name the leader after this portal's mark was there: so others know whom
    /// they have to wait for. They promote nobody, or let nobody forward to whom they promoted, before the nodes have
    /// been seen to disagree for `fence_after`.
    [[nodiscard]] std::optional<TimePoint> failsafe_until(const View& view) const;
    /// A switchover that this portal was asked for; an empty id ends it.
    void ask_for(std::string id, std::string to);

    [[nodiscard]] const std::optional<Record>& record() const { return record_; }
    [[nodiscard]] const std::string& version() const { return version_; }
    [[nodiscard]] const std::string& arbiter_error() const { return arbiter_error_; }
    [[nodiscard]] TimePoint confirmed_at() const { return confirmed_at_; }
    [[nodiscard]] TimePoint next_beat() const { return next_beat_; }
    [[nodiscard]] const ActingRole& role() const { return role_; }
    [[nodiscard]] const LeaderVerdict& verdict() const { return verdict_; }
    [[nodiscard]] const replication::TopologyPtr& published() const { return published_; }
    /// This portal's shards route to the recorded leader, if the permit lets them.
    [[nodiscard]] bool leads_here() const;
    [[nodiscard]] bool acts(TimePoint now) const { return arbiter_error_.empty() && role_.held_here(now); }

  private:
    std::vector<std::string> take_in_marks(const std::vector<Mark>& marks, TimePoint now);
    [[nodiscard]] bool fenced_here() const;
    /// The recorded process is there and lives; it may be busy.
    [[nodiscard]] bool reaches_leader() const {
        return verdict_.state == LeaderState::fine || verdict_.state == LeaderState::busy;
    }
    /// Every shard routes by what was published last, and knows whose word a reply needs with proven writes.
    [[nodiscard]] bool shards_know() const;
    [[nodiscard]] Mark own_mark() const;
    [[nodiscard]] std::string waits_of(const std::string& acting) const;
    [[nodiscard]] std::string why_nobody_leads(const View& view) const;

    std::string self_;
    std::string offered_id_;
    std::vector<std::string> accounts_;  // for the next write
    Timing timing_;
    ActingRole role_;
    ProvenSync proven_sync_;
    std::optional<Record> record_;
    std::string version_;
    std::string arbiter_error_ = "the record was not read yet";
    TimePoint confirmed_at_;
    TimePoint phase_since_;
    bool marks_are_of_phase_ = false;  // they were read since the record has its epoch and phase
    bool vouched_for_ = false;         // this portal saw the record's phase begin, or its own probe agrees with it
    LeaderVerdict verdict_;
    std::string waits_for_;
    std::map<std::string, PortalView> portals_;
    Mark mark_;                             // the newest that was written
    std::uint64_t beats_ = 0;               // of the newest attempt to write one
    std::optional<TimePoint> marked_at_;    // before the newest mark was asked for
    std::optional<TimePoint> permit_from_;  // the same as of the newest confirmation
    std::string wants_id_;
    std::string wants_to_;
    replication::Epoch wants_in_{0};
    TimePoint next_beat_;
    replication::TopologyPtr published_;
    std::uint64_t serial_ = 0;
    std::uint64_t applied_ = 0;  // serial of the newest one that every shard routes by
    std::uint64_t stopped_ = 0;  // serial since which none has named a leader, all of the present epoch
};

}  // namespace portal::sentinel
