// Who has to confirm proven writes, and who may be promoted because it has. A reply is released when every node of the
// record's `in_sync` and `joining` has confirmed; only those of `in_sync` may be promoted. So a node leaves by a change
// of the record alone, and joins in two steps: first every portal asks for its word, then, when it has caught up with
// all that was answered before, it may be promoted. Pure.
#pragma once

#include "sentinel/view.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace portal::sentinel {

class ProvenSync {
  public:
    explicit ProvenSync(Timing timing) : timing_(timing) {}

    /// The record with its in-sync set, those who join it, and its account of each node's data as the newest reports
    /// have them. For the acting portal, and only while the leader is fine.
    Record kept_up(const View& view);

    /// This portal has begun the epoch of `record`: no reply was released under it before its `joining` was known.
    void began(const Record& record);
    /// Another portal has written the record: what was noted here may have come to nothing meanwhile.
    void forget();

  private:
    struct CatchingUp {
        TimePoint noticed;                    // that it joins, or was restarted
        TimePoint not_before;                 // what the leader had after this, it must have
        std::optional<std::uint64_t> target;  // the leader's offset then
        std::string run_id;                   // of its process
    };
    enum class Place : std::uint8_t { in_sync, restarted, joining, outside };
    Place standing_of(const NodeView& node, const NodeView& leader, const View& view);
    bool has_caught_up(const NodeView& node, const NodeView& leader, TimePoint not_before, const View& view);

    Timing timing_;
    std::map<std::string, CatchingUp> catching_up_;
    replication::Epoch epoch_{0};
    std::vector<std::string> joining_at_begin_;
};

/// The nodes whose word is needed; every other node while the record cannot be confirmed.
std::vector<replication::Confirmer> confirmers(const View& view, bool record_confirmed);

/// With proven writes, what differs here is written at once.
bool sync_differs(const Record& a, const Record& b);

}  // namespace portal::sentinel
