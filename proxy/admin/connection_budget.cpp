#include "admin/connection_budget.hpp"

#include <algorithm>
#include <utility>

namespace portal::admin {

ConnectionBudget::Place::Place(ConnectionBudget& budget, std::function<void()> close)
    : budget_(budget), close_(std::move(close)) {
    budget_.places_.push_back(this);
}

ConnectionBudget::Place::~Place() {
    if (!lost_) {
        budget_.places_.remove(this);
    }
}

void ConnectionBudget::Place::begin(State state) {
    if (lost_) {
        return;
    }
    state_ = state;
    budget_.places_.remove(this);
    budget_.places_.push_back(this);
}

bool ConnectionBudget::Place::may_be_served(bool probe) const {
    const auto served =
        static_cast<std::size_t>(std::count_if(budget_.places_.begin(), budget_.places_.end(),
                                               [](const Place* place) { return place->state_ == State::served; }));
    const std::size_t kept_for_probes = std::max<std::size_t>(budget_.most_ / 4, 1);
    return probe || served == 0 || served + kept_for_probes < budget_.most_;
}

void ConnectionBudget::Place::lose() {
    budget_.places_.remove(this);
    lost_ = true;
    close_();
}

ConnectionBudget::Place* ConnectionBudget::longest_in(State state) const {
    const auto found =
        std::find_if(places_.begin(), places_.end(), [state](const Place* place) { return place->state_ == state; });
    return found == places_.end() ? nullptr : *found;
}

bool ConnectionBudget::make_room() {
    if (places_.size() < most_) {
        return true;
    }
    for (const State state : {State::asking, State::reading}) {
        if (Place* const place = longest_in(state)) {
            place->lose();
            return true;
        }
    }
    return false;
}

}  // namespace portal::admin
