#include "sentinel/flight_recorder.hpp"

#include "sentinel/flight_json.hpp"
#include "views.hpp"

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

class Recorder : public ::testing::Test {
  protected:
    void pass(Milliseconds time) {
        view.now += time;
        for (auto& node : view.nodes) {
            if (node.health == Health::up) {
                node.asked_at = node.reported_at = view.now;
            }
        }
    }
    void look() { recorder.look(view, tally); }

    /// The leader breaks off, 20 commands are in doubt before anybody notices, and redis-1 leads 60 ms later.
    void lose_leader() {
        look();
        pass(Milliseconds(200));
        look();
        pass(Milliseconds(200));
        tally.in_doubt += 20;
        tally.held += 30;
        look();  // still well, as far as the probes know
        broken_at = view.now;
        refuse(view.nodes[0], view.now);
        pass(kTick);
        lose_link(view.nodes[1]);
        look();
        view.record.epoch = replication::next(view.record.epoch);
        view.record.phase = Phase::fencing;
        pass(kTick);
        look();
    }
    Timeline timeline() const {
        Timeline made;
        made.from = "redis-0";
        made.to = "redis-1";
        made.epoch = view.record.epoch;
        made.detected = view.now;
        made.recorded = view.now;
        return made;
    }
    void land() {
        view.record.phase = Phase::leading;
        view.record.leader = "redis-1";
        pass(kTick);
        look();
        recorder.landed(timeline(), "portal-0", view.now, "2026-11-26T00:00:00Z");
    }
    const Flight& flight() const { return recorder.flights().back(); }

    View view = healthy_view();
    ClientTally tally;
    TimePoint broken_at;
    FlightRecorder recorder;
};

TEST_F(Recorder, keeps_what_spoke_against_the_old_leader_and_when_it_last_answered) {
    lose_leader();
    land();
    EXPECT_EQ(flight().last_reply, broken_at);
    ASSERT_EQ(flight().evidence.size(), 2U);
    EXPECT_EQ(flight().evidence[0].at, broken_at);
    EXPECT_EQ(flight().evidence[0].what, "redis-0 refuses connections: connection refused");
    EXPECT_EQ(flight().evidence[1].what, "redis-1 has lost its link to it");
    EXPECT_EQ(flight().start(), broken_at) << "the first sign counts where the failover itself named none";
}

TEST_F(Recorder, counts_what_clients_met_with_also_before_the_probes_noticed) {
    lose_leader();
    land();
    tally.sent_again += 3;
    recorder.settle(tally, view.now);
    EXPECT_EQ(flight().cost.in_doubt, 20U);
    EXPECT_EQ(flight().cost.held, 30U);
    EXPECT_EQ(flight().cost.sent_again, 3U);
}

TEST_F(Recorder, does_not_count_what_an_earlier_failover_cost) {
    tally.in_doubt = tally.held = 1000;
    lose_leader();
    land();
    recorder.settle(tally, view.now);
    EXPECT_EQ(flight().cost.in_doubt, 20U);
}

TEST_F(Recorder, is_settled_a_moment_after_the_first_write) {
    lose_leader();
    land();
    const auto landed_at = view.now;
    EXPECT_EQ(recorder.settle(tally, view.now), nullptr);
    tally.first_write = view.now + kTick;
    pass(Milliseconds(600));
    const auto* settled = recorder.settle(tally, view.now);
    ASSERT_NE(settled, nullptr);
    EXPECT_EQ(settled->first_write, landed_at + kTick);
    EXPECT_EQ(recorder.settle(tally, view.now), nullptr) << "only once";
}

TEST_F(Recorder, is_settled_without_a_write_when_nobody_writes_for_long) {
    lose_leader();
    land();
    tally.first_write = view.now - Milliseconds(1000);  // of the leader before
    pass(Milliseconds(9900));
    EXPECT_EQ(recorder.settle(tally, view.now), nullptr);
    pass(Milliseconds(200));
    const auto* settled = recorder.settle(tally, view.now);
    ASSERT_NE(settled, nullptr);
    EXPECT_FALSE(settled->first_write);
}

TEST_F(Recorder, forgets_trouble_that_passed) {
    refuse(view.nodes[0], view.now);
    look();
    view.nodes[0] = healthy_view().nodes[0];
    view.nodes[0].reported_at = view.now;
    look();
    lose_leader();
    land();
    EXPECT_EQ(flight().evidence.size(), 2U);
    EXPECT_EQ(flight().start(), broken_at);
}

TEST_F(Recorder, keeps_a_bounded_number_of_flights_and_signs) {
    silence(view.nodes[0], view.now);
    for (int i = 0; i < 100; ++i) {
        view.nodes[0].trouble = "trouble " + std::to_string(i);
        look();
    }
    view.record.epoch = replication::next(view.record.epoch);
    look();
    for (std::size_t i = 0; i < 2 * FlightRecorder::kKept; ++i) {
        recorder.landed(timeline(), "portal-0", view.now, {});
        EXPECT_LE(flight().evidence.size(), FlightRecorder::kMostEvidence);
    }
    EXPECT_EQ(recorder.flights().size(), FlightRecorder::kKept);
}

TEST_F(Recorder, tells_times_from_the_first_sign_on) {
    lose_leader();
    land();
    const auto json = to_json(flight());
    EXPECT_EQ(json.at("detected_ms").as_int64(), 30);
    EXPECT_EQ(json.at("last_reply_ms").as_int64(), 0);
    EXPECT_EQ(json.at("evidence").as_array().size(), 2U);
    EXPECT_FALSE(json.contains("first_write_ms"));
    EXPECT_FALSE(summary(flight()).contains("evidence"));
}

}  // namespace
}  // namespace portal::sentinel
