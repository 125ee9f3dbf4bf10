// What the monitor writes to the log about decisions and about errors that it sees: each once, when it begins and when
// it is over. Only the log; it decides nothing. The monitor's thread.
#pragma once

#include "sentinel/failover.hpp"
#include "sentinel/outage.hpp"

#include <map>
#include <string>

namespace portal::sentinel {

class Announcements {
  public:
    /// One line per decision: repeated sentences are left out.
    void decided(const Decision& decision, const Record& record);
    /// Another leader is routed to: the next decision is told even if it is the one from before.
    void settled() { said_.clear(); }
    /// What this portal forwards to now, or why to nobody. An outage that lasts is an error, and is told once for each
    /// reason.
    void routes(const replication::Topology& topology, TimePoint now);
    /// Errors of the configuration that only the nodes' answers show. Once per turn.
    void look(const View& view);

  private:
    /// Node -> the sentence.
    using Complaints = std::map<std::string, std::string>;
    static void tell(Complaints& told, Complaints now, const char* cured);

    std::string said_;
    Outage outage_;
    Complaints twins_;
    Complaints logins_;
    Complaints strangers_;
    Complaints sentinels_;
};

}  // namespace portal::sentinel
