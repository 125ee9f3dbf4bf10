#include "sentinel/acting_role.hpp"

#include <algorithm>

namespace portal::sentinel {

void ActingRole::asking(TimePoint now) {
    // An earlier write whose answer was lost may be the one that counts.
    asked_at_ = asked_at_.value_or(now);
}

void ActingRole::observe(const std::optional<Record>& record, TimePoint now) {
    const auto holder = record ? record->acting : std::string{};
    const auto renewals = record ? record->renewals : 0;
    if (!seen_ || holder != holder_ || renewals != renewals_) {
        // A role that this portal held in an earlier life is renewed before it is used.
        changed_at_ = holder == self_ ? asked_at_.value_or(now - lease_) : now;
        asked_at_.reset();
    }
    seen_ = true;
    holder_ = holder;
    renewals_ = renewals;
}

bool ActingRole::may_take(TimePoint now) const {
    if (!seen_ || now < taken_not_before_) {
        return false;
    }
    return holder_.empty() || now - changed_at_ >= lease_;
}

TimePoint ActingRole::look_again(TimePoint now) const {
    if (holder_ == self_) {
        return std::max(now, changed_at_ + lease_ / 4);
    }
    return std::max(taken_not_before_, holder_.empty() ? now : changed_at_ + lease_);
}

}  // namespace portal::sentinel
