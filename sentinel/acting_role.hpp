// Which portal acts: a lease kept in the record. A holder renews by changing the record's counter; others wait for the
// time since they last saw a change, by their own monotonic clocks. Pure: time is passed in.
#pragma once

#include "sentinel/arbiter/record.hpp"
#include "sentinel/observation.hpp"

#include <optional>
#include <string>

namespace portal::sentinel {

class ActingRole {
  public:
    ActingRole(std::string self, Milliseconds lease, TimePoint now)
        : self_(std::move(self)), lease_(lease), changed_at_(now), taken_not_before_(now) {}

    /// Call before every write that takes or renews the role: others may see it from then on, however late its answer
    /// comes here.
    void asking(TimePoint now);
    /// Call with every record that was read or written.
    void observe(const std::optional<Record>& record, TimePoint now);
    /// This portal gave the role away: leave it to the others for one lease.
    void gave_away(TimePoint now) { taken_not_before_ = now + lease_; }

    /// This portal holds the role, and not so long unrenewed that another may have taken it.
    [[nodiscard]] bool held_here(TimePoint now) const { return holder_ == self_ && now - changed_at_ < lease_; }
    [[nodiscard]] bool may_take(TimePoint now) const;
    [[nodiscard]] bool renewal_due(TimePoint now) const { return holder_ == self_ && now - changed_at_ >= lease_ / 4; }
    /// When may_take or renewal_due may change by time alone.
    [[nodiscard]] TimePoint look_again(TimePoint now) const;

  private:
    std::string self_;
    Milliseconds lease_;
    std::string holder_;
    std::uint64_t renewals_ = 0;
    bool seen_ = false;
    /// When the record changed at the latest; what this portal wrote counts from before it asked.
    TimePoint changed_at_;
    std::optional<TimePoint> asked_at_;
    TimePoint taken_not_before_;
};

}  // namespace portal::sentinel
