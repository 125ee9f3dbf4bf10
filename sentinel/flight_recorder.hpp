// An account of each change of leader, as this portal saw it: what spoke against the old leader, when forwarding
// stopped and went on, what it cost the portal's clients. Pure: fed with views and numbers, time is passed in.
#pragma once

#include "sentinel/timeline.hpp"
#include "sentinel/view.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace portal::sentinel {

/// What the clients of this portal have met with since it started; or, as a difference, during one change of leader.
struct ClientTally {
    std::uint64_t held = 0;         // commands that waited for a leader
    std::uint64_t sent_again = 0;   // reads sent to the next leader
    std::uint64_t in_doubt = 0;     // writes answered INDOUBT, or closed for it
    std::uint64_t no_leader = 0;    // commands answered NOLEADER
    std::uint64_t connections = 0;  // client connections closed because the leader was lost
    /// The first write that the present leader has answered; empty while there was none.
    std::optional<TimePoint> first_write;
};

/// A sign that the leader is in trouble.
struct Evidence {
    TimePoint at;
    std::string what;  // one sentence
};

struct Flight {
    Timeline timeline;
    std::string carried_out_by;            // the acting portal
    std::string date;                      // of the end, UTC
    std::optional<TimePoint> last_reply;   // the old leader's newest answer to a probe
    std::vector<Evidence> evidence;        // oldest first
    std::optional<TimePoint> published;    // this portal routes to the new leader
    std::optional<TimePoint> first_write;  // answered by the new leader, to a client of this portal
    ClientTally cost;                      // to the clients of this portal
    bool settled = false;                  // nothing is added any more

    /// The moment that all others are told from: the first sign of trouble, or when the change began.
    [[nodiscard]] TimePoint start() const;
};

class FlightRecorder {
  public:
    /// Flights that are kept, and signs of trouble kept of each.
    static constexpr std::size_t kKept = 16;
    static constexpr std::size_t kMostEvidence = 12;

    /// Once per turn of the monitor, before anything is decided.
    void look(const View& view, const ClientTally& tally);
    /// A change of leader is complete: this portal routes to the new one.
    void landed(Timeline timeline, std::string carried_out_by, std::optional<TimePoint> published, std::string date);
    /// Adds to the newest flight what became known since. Returns it once, when it is settled: its clients write again,
    /// or none wanted to for `kLongest`.
    const Flight* settle(const ClientTally& tally, TimePoint now);

    /// The newest flight is not settled yet.
    [[nodiscard]] bool open() const { return !flights_.empty() && !flights_.back().settled; }
    /// Oldest first.
    [[nodiscard]] const std::deque<Flight>& flights() const { return flights_; }

  private:
    /// What was seen under one leader.
    struct Watched {
        replication::Epoch epoch{0};
        std::optional<TimePoint> last_reply;
        std::vector<Evidence> evidence;
        // While all was well, and a moment before that: links break sooner than a probe notices.
        ClientTally newer, older;
        std::optional<TimePoint> newer_at;
    };

    void note_well(const NodeView& leader, const ClientTally& tally, TimePoint now);
    void add_evidence(TimePoint at, std::string what);
    void doubt(const View& view, const NodeView& leader);

    Watched present_;
    Watched lost_;  // under the leader before
    ClientTally before_;
    std::deque<Flight> flights_;
};

}  // namespace portal::sentinel
