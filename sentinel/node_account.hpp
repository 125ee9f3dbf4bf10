// What this portal knows of one node: its newest report and its health, from the observations of its probe. Pure: time
// is passed in.
#pragma once

#include "sentinel/view.hpp"

namespace portal::sentinel {

class NodeAccount {
  public:
    NodeAccount(replication::Node node, const Timing& timing, TimePoint now);

    /// Returns true when the node's health is another than after the observation before.
    bool note(const Observation& observation);
    /// Of the agent beside it. What it says of another process than the one that answered last does not count.
    void note(AgentWord word);
    /// Starts the wait for an answer anew, after this process was paused.
    void forgive(TimePoint now) { health_.forgive(now); }

    [[nodiscard]] Health assess(TimePoint now) const { return health_.assess(now); }
    [[nodiscard]] NodeView seen(TimePoint now) const;
    /// The newest report and what belongs to it; its health is that of the newest observation.
    [[nodiscard]] const NodeView& view() const { return view_; }

  private:
    NodeView view_;
    NodeHealth health_;
    std::string run_id_;  // of the newest report that could be read
};

}  // namespace portal::sentinel
