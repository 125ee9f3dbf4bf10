#include "upstream/write_proof.hpp"

#include <algorithm>
#include <utility>

namespace portal::upstream {

void WriteProof::link_lost() noexcept {
    link_ = Link::none;
    round_.reset();
    failing_ = false;
    more_ = 0;
    proven_ = last_placed_;  // whoever waited was told that nobody knows
    gathering_ = last_placed_ + 1;
}

bool WriteProof::open() const noexcept {
    return required_.empty() ? !strict_ : link_ == Link::ready && !failing_;
}

WriteProof::Place WriteProof::place(bool permitted) noexcept {
    if (required_.empty() && !strict_ && permitted) {
        return Place::pass;
    }
    if (link_ != Link::ready) {
        return Place::lost;
    }
    last_placed_ = gathering_;
    return Place::wait;
}

bool WriteProof::release_unrequired(bool permitted) noexcept {
    if (strict_ || !required_.empty() || !permitted) {
        return false;
    }
    failing_ = false;
    const bool some = last_placed_ > proven_;
    proven_ = last_placed_;
    gathering_ = std::max(gathering_, last_placed_ + 1);
    return some;
}

bool WriteProof::round_due() const noexcept {
    return link_ == Link::ready && !round_ && !required_.empty() && (last_placed_ > proven_ || failing_);
}

std::size_t WriteProof::begin(Clock::time_point now) noexcept {
    round_ = Round{gathering_++, now, std::nullopt};
    waited_ = 0;
    return required_.size() + more_;
}

void WriteProof::note_offset(const std::optional<LeaderRole>& role) noexcept {
    if (round_ && role) {
        round_->offset = role->offset;
    }
}

std::optional<WriteProof::Clock::duration> WriteProof::finish(const std::optional<LeaderRole>& role, bool permitted,
                                                              Clock::time_point now) {
    if (!round_) {
        return std::nullopt;
    }
    const Round round = *std::exchange(round_, std::nullopt);
    const bool waited_for_all = waited_ >= required_.size() + more_;
    if (!role || !round.offset || required_.empty() || !confirmed(*role, *round.offset)) {
        // If enough have answered, then some that are not required were quicker: wait for one more the next time.
        more_ = waited_for_all ? more_ + 1 : 0;
        failing_ = failing_ || !waited_for_all;
        return std::nullopt;
    }
    more_ = waited_for_all ? more_ : 0;
    failing_ = false;
    if (!permitted) {
        return std::nullopt;  // others may be required by now: asked again once the record is confirmed
    }
    proven_ = std::max(proven_, round.covers);
    return now - round.began;
}

bool WriteProof::confirmed(const LeaderRole& role, std::uint64_t offset) const {
    return std::ranges::all_of(required_, [&](const replication::Confirmer& wanted) {
        return std::ranges::any_of(role.replicas, [&](const ConfirmedOffset& replica) {
            return replica.offset >= offset && replica.port == wanted.port &&
                   std::ranges::find(wanted.hosts, replica.host) != wanted.hosts.end();
        });
    });
}

}  // namespace portal::upstream
