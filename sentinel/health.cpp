#include "sentinel/health.hpp"

#include <algorithm>
#include <utility>

namespace portal::sentinel {

std::string_view to_string(Health health) noexcept {
    switch (health) {
        case Health::up:
            return "up";
        case Health::suspected:
            return "suspected";
        case Health::busy:
            return "busy";
        case Health::down:
            return "down";
    }
    return "unknown";
}

namespace {

/// A script that runs for long, or data that is being loaded: nothing else is served meanwhile.
bool tells_busy(const Observation& observation) {
    return observation.result == ProbeResult::denied &&
           (observation.detail.starts_with("BUSY ") || observation.detail.starts_with("LOADING "));
}

bool is_served(const Observation& observation) {
    return observation.result == ProbeResult::answered
               ? observation.report && !observation.report->loading
               : observation.result == ProbeResult::denied && !tells_busy(observation);
}

}  // namespace

void NodeHealth::note(const Observation& observation) {
    signs_.kernel = observation.kernel;
    trouble_ = observation.detail;
    if (observation.result == ProbeResult::waiting) {
        if (observation.at - observation.asked_at >= patience_.down_after) {
            note_failing(observation.at);
        }
        return;
    }
    if (observation.result == ProbeResult::answered || observation.result == ProbeResult::denied) {
        signs_.answered_at = observation.at;
        signs_.says_busy = tells_busy(observation);
        unanswered_since_ = std::max(observation.asked_at + ping_interval_, observation.at);
        if (is_served(observation)) {
            signs_.unserved_since = unanswered_since_;
        }
        ever_answered_ = true;
        refused_ = false;
        if (signs_.says_busy && patience_.busy_after > Milliseconds(0)) {
            note_failing(observation.at);
        } else {
            failing_ = false;
        }
        return;
    }
    note_failing(observation.at);
    // A broken connection says nothing yet; the reconnect that follows says whether the process is gone.
    if (observation.result != ProbeResult::broken) {
        refused_ = observation.result == ProbeResult::refused;
    }
}

void NodeHealth::note_failing(TimePoint at) {
    if (!std::exchange(failing_, true)) {
        failing_since_ = at;
    }
}

void NodeHealth::forgive(TimePoint now) {
    signs_.answered_at = signs_.unserved_since = unanswered_since_ = now;
    refused_ = false;
}

Health NodeHealth::assess(TimePoint now) const {
    if (refused_) {
        return Health::down;
    }
    const bool may_be_busy = signs_.says_busy && patience_.busy_after > Milliseconds(0);
    if (silent(now) || may_be_busy) {
        return judge_busy(signs_, patience_, now).busy ? Health::busy : Health::down;
    }
    const bool overdue = now - signs_.answered_at > 2 * ping_interval_;
    return failing_ || !ever_answered_ || overdue ? Health::suspected : Health::up;
}

bool NodeHealth::overdue(TimePoint now) const {
    return !refused_ && assess(now) == Health::down && judge_busy(signs_, patience_, now).overdue;
}

std::string NodeHealth::trouble(TimePoint now) const {
    const auto health = assess(now);
    if (health == Health::suspected && trouble_.empty()) {
        return "no answer yet";
    }
    if (refused_ || patience_.busy_after == Milliseconds(0) || (health != Health::busy && health != Health::down)) {
        return trouble_;
    }
    const auto why = judge_busy(signs_, patience_, now).why;
    return trouble_.empty() ? why : why + " (" + trouble_ + ")";
}

}  // namespace portal::sentinel
