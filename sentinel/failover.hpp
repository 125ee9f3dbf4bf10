// What the acting portal does next: a state machine over immutable views. Each call looks at the record and the nodes
// anew, so a failover that was interrupted, by whatever, is completed by whichever portal acts next. Pure: no I/O, time
// is passed in.
#pragma once

#include "replication/candidate.hpp"
#include "sentinel/leader_watch.hpp"
#include "sentinel/timeline.hpp"
#include "sentinel/view.hpp"

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace portal::sentinel {

enum class Step : std::uint8_t {
    watching,       // a leader leads, all is well
    bootstrapping,  // no leader was ever recorded
    fencing,        // waiting until no portal forwards to the old leader
    choosing,       // waiting for reports, or for a node that may be promoted
    promoting,      // telling the chosen node to lead
    recording,      // it leads; writing that into the record
    following       // making the other nodes follow
};
std::string_view to_string(Step step) noexcept;
/// How the reason of a planned change of leader begins.
inline constexpr std::string_view kSwitchover = "switchover to ";

/// Actions, to be carried out in order. A failed one is not repeated by the machine as such: the next view shows what
/// is.
struct WriteRecord {
    Record next;  // `acting` and `renewals` are filled in by the writer
};
struct Promote {
    std::string node;  // REPLICAOF NO ONE, and verify
};
struct Follow {
    replication::ReplicaofStep step;
};
struct HandOver {
    std::string from;
    std::string to;  // FAILOVER TO, or pause and wait
    /// How long somebody may still forward to the old leader afterwards: it must not take writes for so long.
    Milliseconds guarded{0};
};
struct GiveAway {};
struct ProbeNow {
    std::string node;
};
using Action = std::variant<WriteRecord, Promote, Follow, HandOver, GiveAway, ProbeNow>;

struct Decision {
    Step step = Step::watching;
    std::vector<Action> actions;
    std::string why;  // one sentence
    /// Look again by then even if nothing new is seen.
    std::optional<TimePoint> look_again;
};

class Failover {
  public:
    /// How soon to look again while something is settling within milliseconds.
    static constexpr Milliseconds kSoon{20};

    explicit Failover(Timing timing) : timing_(timing) {}

    /// For the acting portal only.
    Decision decide(const View& view);

    // What became of the actions.
    void promotion_failed(const std::string& node, const std::string& why, TimePoint now);
    void handed_over(const std::string& error, TimePoint now);
    void recorded(TimePoint now);

    [[nodiscard]] const Timeline& timeline() const { return timeline_; }

  private:
    struct Planned {
        std::string id;
        std::string to;
        replication::Epoch epoch{0};
        std::optional<TimePoint> tried_at;
        std::string error;
    };
    struct Awaited {
        std::string id;  // of the request for a switchover that no replica was fit for when it was seen first
        TimePoint since;
    };
    struct SetAside {
        std::string why;
        TimePoint until;
    };

    // failover_completion.cpp
    Decision complete(const View& view);
    /// While the nodes agree on a leader, a portal that has not said that it stopped may forward to it by failsafe.
    void watch_agreement(const View& view);
    [[nodiscard]] bool forwards_by_failsafe(const View& view) const;
    Decision outwait_failsafe(const View& view);
    Decision conclude(const View& view);
    void note_begun(const View& view);
    [[nodiscard]] const NodeView* first_unsettled(const View& view, TimePoint not_before) const;
    Decision choose(const View& view, TimePoint not_before);
    [[nodiscard]] std::vector<Action> disarm(const View& view);
    Decision promote_or_record(const View& view, const NodeView& node, const std::string& why);
    [[nodiscard]] std::vector<replication::Contender> contenders(const View& view, TimePoint not_before) const;
    void note_fenced(const View& view);
    void note_candidates(const View& view, const std::vector<replication::Contender>& looked_at,
                         const replication::Choice& choice);

    Decision bootstrap(const View& view);
    [[nodiscard]] static std::optional<Decision> look_around(const View& view);
    Decision watch(const View& view);
    [[nodiscard]] Decision wait_for_busy(const View& view, const LeaderVerdict& verdict) const;
    std::optional<Decision> dampen(const View& view);
    Decision start(const View& view, const std::string& why);
    Decision plan(const View& view, const Mark& asked);
    Decision await_replica(const View& view, const Mark& asked, const std::string& why);
    Decision follow(const View& view);
    Decision stand_back(const View& view, const LeaderVerdict& verdict);
    /// The switchover that some portal was asked for and that has no answer yet.
    [[nodiscard]] static const Mark* pending_request(const View& view, const Timing& timing);
    /// Fresh questions to the nodes that answer, unless they were just asked.
    [[nodiscard]] static std::vector<Action> ask_again(const View& view, TimePoint not_before);

    Timing timing_;
    Timeline timeline_;
    std::optional<Planned> planned_;
    Awaited awaited_;
    std::map<std::string, SetAside> set_aside_;
    std::map<std::string, TimePoint> told_at_;
    std::string bootstrap_why_;
    std::string promoted_run_;  // the process that this portal told to lead last
    TimePoint looked_at_;
    TimePoint agreed_at_;           // when nodes may have agreed on the leader that is being replaced, at the latest
    std::deque<TimePoint> recent_;  // failovers of the last minute that this portal carried out, and that did not help
};

}  // namespace portal::sentinel
