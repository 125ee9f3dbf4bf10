#include "sentinel/flight_recorder.hpp"

#include <algorithm>
#include <utility>

namespace portal::sentinel {

namespace {

/// What is older than that was not yet touched by trouble that is noticed now.
constexpr Milliseconds kMoment{100};
/// Errors may still reach clients for a moment after the first write.
constexpr Milliseconds kShortest{500};
/// Nobody may want to write.
constexpr Milliseconds kLongest{10000};

ClientTally difference(const ClientTally& now, const ClientTally& before) {
    ClientTally cost;
    cost.held = now.held - before.held;
    cost.sent_again = now.sent_again - before.sent_again;
    cost.in_doubt = now.in_doubt - before.in_doubt;
    cost.no_leader = now.no_leader - before.no_leader;
    cost.connections = now.connections - before.connections;
    return cost;
}

}  // namespace

TimePoint Flight::start() const {
    return timeline.noticed.value_or(timeline.detected.value_or(TimePoint{}));
}

void FlightRecorder::look(const View& view, const ClientTally& tally) {
    if (view.record.epoch != present_.epoch) {
        lost_ = std::exchange(present_, {});
        lost_.epoch = present_.epoch = view.record.epoch;
        present_.newer = present_.older = tally;
    }
    if (view.record.phase != Phase::leading) {
        return;
    }
    const auto* leader = find_node(view, view.record.leader);
    if (leader == nullptr) {
        add_evidence(view.now, view.record.leader + " is not configured any more");
    } else if (leader->health != Health::up) {
        doubt(view, *leader);
    } else {
        note_well(*leader, tally, view.now);
    }
}

void FlightRecorder::note_well(const NodeView& leader, const ClientTally& tally, TimePoint now) {
    present_.evidence.clear();
    present_.last_reply = leader.reported_at;
    if (!present_.newer_at || now - *present_.newer_at >= kMoment) {
        present_.older = std::exchange(present_.newer, tally);
        present_.newer_at = now;
    }
}

void FlightRecorder::doubt(const View& view, const NodeView& leader) {
    const std::string kind = leader.refused                       ? " refuses connections: "
                             : leader.health == Health::suspected ? " is suspected: "
                             : leader.health == Health::busy      ? " is busy: "
                                                                  : " is silent: ";
    // A question that is merely overdue has not failed yet.
    const bool failed = leader.failing_since >= leader.reported_at;
    add_evidence(failed && present_.evidence.empty() ? leader.failing_since : view.now,
                 leader.node.name + kind + (failed ? leader.trouble : "no answer yet"));
    for (const auto& node : view.nodes) {
        const bool follows = node.report && node.report->role == replication::Role::replica;
        if (follows && !node.report->link_up && node.asked_at >= leader.reported_at) {
            add_evidence(view.now, node.node.name + " has lost its link to it");
        }
    }
    for (const auto& portal : view.portals) {
        if (portal.mark.portal != view.self && portal.mark.suspects == leader.node.name) {
            add_evidence(view.now, portal.mark.portal + " suspects it, too");
        }
    }
}

void FlightRecorder::add_evidence(TimePoint at, std::string what) {
    auto& evidence = present_.evidence;
    const bool known = std::ranges::any_of(evidence, [&](const Evidence& each) { return each.what == what; });
    if (!known && evidence.size() < kMostEvidence) {
        evidence.push_back({at, std::move(what)});
    }
}

void FlightRecorder::landed(Timeline timeline, std::string carried_out_by, std::optional<TimePoint> published,
                            std::string date) {
    Flight flight;
    flight.timeline = std::move(timeline);
    flight.carried_out_by = std::move(carried_out_by);
    flight.published = published;
    flight.date = std::move(date);
    if (lost_.epoch == flight.timeline.epoch) {
        flight.last_reply = lost_.last_reply;
        flight.evidence = std::exchange(lost_.evidence, {});
        std::ranges::stable_sort(flight.evidence, {}, &Evidence::at);
        before_ = lost_.older;
    } else {
        before_ = present_.older;
    }
    if (!flight.evidence.empty()) {
        const auto first = flight.evidence.front().at;
        flight.timeline.noticed = std::min(flight.timeline.noticed.value_or(first), first);
    }
    flights_.push_back(std::move(flight));
    if (flights_.size() > kKept) {
        flights_.pop_front();
    }
}

const Flight* FlightRecorder::settle(const ClientTally& tally, TimePoint now) {
    if (!open()) {
        return nullptr;
    }
    auto& flight = flights_.back();
    flight.cost = difference(tally, before_);
    const auto since = flight.published.value_or(flight.start());
    if (!flight.first_write && tally.first_write && *tally.first_write >= since) {
        flight.first_write = tally.first_write;
    }
    flight.settled = now - since >= (flight.first_write ? kShortest : kLongest);
    return flight.settled ? &flight : nullptr;
}

}  // namespace portal::sentinel
