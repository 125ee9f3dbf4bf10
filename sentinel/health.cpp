#include "sentinel/health.hpp"

#include <algorithm>

namespace portal::sentinel {

std::string_view to_string(Health health) noexcept {
    switch (health) {
        case Health::up:
            return "up";
        case Health::suspected:
            return "suspected";
        case Health::down:
            return "down";
    }
    return "unknown";
}

void NodeHealth::note(const Observation& observation) {
    if (observation.result == ProbeResult::answered || observation.result == ProbeResult::denied) {
        last_answer_ = observation.at;
        unanswered_since_ = std::max(observation.asked_at + ping_interval_, observation.at);
        ever_answered_ = true;
        failing_ = false;
        refused_ = false;
        trouble_ = observation.detail;
        return;
    }
    if (!failing_) {
        failing_since_ = observation.at;
    }
    failing_ = true;
    // A broken connection says nothing yet; the reconnect that follows says whether the process is gone.
    if (observation.result != ProbeResult::broken) {
        refused_ = observation.result == ProbeResult::refused;
    }
    trouble_ = observation.detail;
}

void NodeHealth::forgive(TimePoint now) {
    last_answer_ = unanswered_since_ = now;
    refused_ = false;
}

Health NodeHealth::assess(TimePoint now) const {
    if (refused_ || now - unanswered_since_ >= down_after_) {
        return Health::down;
    }
    return failing_ || !ever_answered_ || now - last_answer_ > 2 * ping_interval_ ? Health::suspected : Health::up;
}

}  // namespace portal::sentinel
