#include "sentinel/standing.hpp"

#include "sentinel/introduction.hpp"
#include "sentinel/tenure.hpp"
#include "views.hpp"

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

/// A portal that stands by, has confirmed the record of the healthy view, and routes by it.
class StandingTest : public testing::Test {
  protected:
    StandingTest() {
        confirm();
        publish();
    }

    void confirm() {
        const auto asked_at = now;
        now += kTick;
        standing.read({view.record, "7", {}}, asked_at, now);
    }
    void publish() {
        const auto seen = standing.look(view.nodes, now);
        const auto topology = std::make_shared<const replication::Topology>(standing.topology(seen));
        standing.applied(standing.published(topology));
    }
    std::optional<Mark> due() { return standing.due_mark(standing.look(view.nodes, now), now); }

    View view = healthy_view();
    Timing timing;
    TimePoint now = view.now;
    Standing standing{"portal-1", timing, now};
};

TEST_F(StandingTest, may_forward_for_less_than_others_wait_counted_from_before_it_asked_for_its_mark) {
    const auto asked_at = now;
    standing.mark_written(*due(), asked_at);
    EXPECT_FALSE(standing.permit()) << "the record was not confirmed since";
    now += kTick;
    confirm();
    ASSERT_TRUE(standing.permit());
    EXPECT_LT(*standing.permit(), asked_at + timing.fence_after);
    EXPECT_GT(*standing.permit(), asked_at + timing.fence_after * 9 / 10);
}

TEST_F(StandingTest, the_topology_says_where_probes_reach_the_nodes_but_another_address_alone_is_no_other_topology) {
    view.nodes[0].addresses = {"10.0.0.1", "fd00::1"};
    view.nodes[1].addresses = {"10.0.0.2"};
    silence(view.nodes[1], now);
    const auto topology = standing.topology(standing.look(view.nodes, now));
    const std::map<std::string, std::vector<std::string>> known = {{"redis-0", {"10.0.0.1", "fd00::1"}}};
    EXPECT_EQ(topology.addresses.by_host, known) << "one that does not answer may have moved";
    auto moved = topology;
    moved.addresses.by_host["redis-0"] = {"10.0.0.3"};
    EXPECT_EQ(moved, topology);
}

TEST_F(StandingTest, the_topology_says_which_processes_serve_also_while_one_answers_with_errors) {
    view.nodes[0].report->run_id = "first";
    publish();
    view.nodes[0].report.reset();
    EXPECT_EQ(standing.topology(standing.look(view.nodes, now)).processes.by_node.at("redis-0"), "first");
    view.nodes[0].report = view.nodes[1].report;
    view.nodes[0].report->run_id = "second";
    const auto topology = standing.topology(standing.look(view.nodes, now));
    EXPECT_EQ(topology.processes.by_node.at("redis-0"), "second");
    auto same = topology;
    same.processes.by_node.clear();
    EXPECT_EQ(same, topology) << "nobody is fenced for it";
}

TEST_F(StandingTest, whose_mark_stands_still_gets_no_longer_permit_by_reading) {
    standing.mark_written(*due(), now);
    confirm();
    const auto until = standing.permit();
    now += timing.fence_after / 2;
    confirm();
    EXPECT_EQ(standing.permit(), until);
}

TEST_F(StandingTest, writes_another_mark_after_one_that_may_have_arrived) {
    const auto first = due();
    standing.arbiter_failed("no answer in time", Milliseconds(0), now);
    confirm();
    const auto second = due();
    ASSERT_TRUE(first && second);
    EXPECT_NE(*first, *second) << "else it would seem to stand still to whoever has seen the first";
    Standing next_life{"portal-1", timing, now + kTick};
    next_life.read({view.record, "7", {}}, now, now);
    const auto third = next_life.due_mark(next_life.look(view.nodes, now), now + kTick);
    ASSERT_TRUE(third);
    EXPECT_NE(third->beat, first->beat);
    EXPECT_NE(third->beat, second->beat);
}

TEST_F(StandingTest, counts_no_mark_of_another_portal_that_it_read_before_the_failover_began) {
    EXPECT_TRUE(standing.look(view.nodes, now).marks_are_of_phase);
    auto fencing = standing.begin_write(view.record, "portal-1", now);
    fencing.epoch = replication::Epoch{8};
    fencing.phase = Phase::fencing;
    EXPECT_TRUE(standing.written(fencing, "8", now, now + kTick));
    EXPECT_FALSE(standing.look(view.nodes, now).marks_are_of_phase);
    view.record = fencing;
    confirm();
    EXPECT_TRUE(standing.look(view.nodes, now).marks_are_of_phase);
}

TEST_F(StandingTest, that_starts_while_the_arbiter_is_away_asks_it_again) {
    Standing starting{"portal-2", timing, now};
    starting.arbiter_failed("refused", timing.fence_after / 4, now);
    const auto attempt = starting.next_beat();
    EXPECT_FALSE(starting.due_record(view.nodes, now));
    EXPECT_EQ(starting.next_beat(), attempt);
}

TEST_F(StandingTest, says_that_it_has_stopped_only_when_every_shard_has) {
    standing.mark_written(*due(), now);
    view.record.epoch = replication::Epoch{8};
    view.record.phase = Phase::fencing;
    confirm();
    const auto seen = standing.look(view.nodes, now);
    const auto serial = standing.published(std::make_shared<const replication::Topology>(standing.topology(seen)));
    EXPECT_FALSE(standing.published()->leader);
    if (const auto mark = due()) {
        EXPECT_EQ(mark->fenced, replication::Epoch{0});
        standing.mark_written(*mark, now);
        confirm();
        EXPECT_FALSE(standing.permit()) << "a permit, while it stops";
    }
    standing.applied(serial);
    ASSERT_TRUE(due());
    EXPECT_EQ(due()->fenced, replication::Epoch{8});
}

TEST_F(StandingTest, goes_on_routing_to_a_busy_leader_and_tells_others_that_it_lives) {
    view.nodes[0].health = Health::busy;
    view.nodes[0].unserved_since = now;
    const auto topology = standing.topology(standing.look(view.nodes, now));
    EXPECT_EQ(standing.verdict().state, LeaderState::busy);
    ASSERT_TRUE(topology.leader);
    EXPECT_EQ(topology.leader->name, "redis-0");
    const auto mark = due();
    ASSERT_TRUE(mark);
    EXPECT_TRUE(mark->reaches_leader) << "a portal that is cut off must give the acting role away";
    EXPECT_EQ(mark->suspects, "");
    standing.mark_written(*mark, now);
    confirm();
    EXPECT_TRUE(standing.permit()) << "clients wait for it, and are not told that there is no leader";
}

TEST_F(StandingTest, whose_leader_dies_while_the_arbiter_is_away_asks_the_arbiter_again) {
    standing.mark_written(*due(), now);
    standing.arbiter_failed("no answer in time", timing.fence_after / 4, now);
    const auto attempt = standing.next_beat();
    silence(view.nodes[0], now);
    lose_link(view.nodes[1]);
    // It has news for its mark in every turn, and none of them puts the next attempt off.
    while (now < attempt) {
        EXPECT_FALSE(due());
        now += kTick;
    }
    EXPECT_EQ(standing.verdict().state, LeaderState::dead);
    EXPECT_LE(standing.next_beat(), now);
}

TEST_F(StandingTest, goes_on_by_failsafe_only_if_others_can_know_of_it) {
    timing.failsafe = true;
    standing = Standing{"portal-1", timing, now};
    confirm();
    publish();
    const auto may_go_on = [&] {
        standing.arbiter_failed("no answer in time", timing.fence_after / 4, now);
        return standing.failsafe_until(standing.look(view.nodes, now)).has_value();
    };
    EXPECT_FALSE(may_go_on()) << "it has no mark";
    Mark mark;
    mark.portal = "portal-1";
    standing.mark_written(mark, now);
    EXPECT_FALSE(may_go_on()) << "the record may have said fencing before the mark was there";
    confirm();
    EXPECT_TRUE(may_go_on());
}

TEST_F(StandingTest, says_in_which_epoch_without_a_leader_it_was_asked_for_a_switchover) {
    standing.ask_for("portal-1/1", "redis-1");
    EXPECT_EQ(due()->wants_in, replication::Epoch{0}) << "a leader leads: nothing shall be lost";
    view.record.epoch = replication::Epoch{8};
    view.record.phase = Phase::fencing;
    confirm();
    EXPECT_EQ(due()->wants_in, replication::Epoch{0}) << "what was asked for stays what it was";
    standing.ask_for("portal-1/2", "redis-1");
    EXPECT_EQ(due()->wants_in, replication::Epoch{8});
}

TEST_F(StandingTest, puts_no_replica_out_by_what_the_leader_said_before_this_portal_slept) {
    Standing acting{"portal-0", timing, now};
    acting.read({view.record, "7", {}}, now, now);
    acting.written(acting.begin_write(view.record, "portal-0", now), "8", now, now);
    lose_link(view.nodes[1]);
    view.nodes[0].report->replicas.clear();
    view.nodes[1].asked_at = view.nodes[1].reported_at = now - kTick;
    view.nodes[0].asked_at = view.nodes[0].reported_at = now;
    const auto put_out = acting.due_record(view.nodes, now + timing.down_after);
    ASSERT_TRUE(put_out);
    EXPECT_EQ(put_out->in_sync.size(), 1U);
    const auto later = acting.due_record(view.nodes, now + timing.down_after + kTick);
    EXPECT_TRUE(!later || later->in_sync.size() == 2U);
}

TEST_F(StandingTest, takes_nothing_from_a_record_of_an_older_epoch) {
    auto older = view.record;
    older.epoch = replication::Epoch{3};
    older.leader = "redis-1";
    const auto reading = standing.read({older, "3", {}}, now, now);
    EXPECT_TRUE(reading.gone_back);
    EXPECT_EQ(standing.record()->leader, "redis-0");
    EXPECT_FALSE(standing.arbiter_error().empty());
}

TEST_F(StandingTest, whoever_has_stopped_says_so_also_while_its_shards_learn_another_reason) {
    view.record.epoch = replication::Epoch{8};
    view.record.phase = Phase::fencing;
    confirm();
    const auto publish_for = [&](const std::string& reason) {
        auto topology = standing.topology(standing.look(view.nodes, now));
        topology.reason = reason;
        return standing.published(std::make_shared<const replication::Topology>(std::move(topology)));
    };
    const auto stop = publish_for("redis-0 is gone");
    EXPECT_EQ(due()->fenced, replication::Epoch{0}) << "the shards have not stopped yet";
    standing.applied(stop);
    EXPECT_EQ(due()->fenced, replication::Epoch{8});
    publish_for("redis-0 is gone; bring one back");
    EXPECT_EQ(due()->fenced, replication::Epoch{8}) << "nothing has started again";
    auto leading = standing.topology(standing.look(view.nodes, now));
    leading.leader = view.nodes[0].node;
    standing.published(std::make_shared<const replication::Topology>(leading));
    publish_for("redis-0 is gone");
    EXPECT_EQ(due()->fenced, replication::Epoch{0}) << "they may have started in between";
}

TEST(StandingHistory, an_account_goes_into_the_record_with_the_next_write_that_succeeds) {
    auto view = healthy_view();
    Standing standing("portal-0", {}, view.now);
    standing.read({view.record, "1", {}}, view.now, view.now);
    standing.remember(R"({"epoch":7})");
    auto lost = standing.begin_write(view.record, "portal-0", view.now);
    EXPECT_EQ(lost.history, std::vector<std::string>{R"({"epoch":7})"});
    auto again = standing.begin_write(view.record, "portal-0", view.now);
    EXPECT_EQ(again.history, std::vector<std::string>{R"({"epoch":7})"}) << "the first write came to nothing";
    standing.written(again, "2", view.now, view.now);
    EXPECT_EQ(standing.begin_write(again, "portal-0", view.now).history.size(), 1U) << "once is enough";
}

TEST(StandingHistory, a_record_without_an_id_gets_the_one_that_is_offered_and_keeps_it) {
    auto view = healthy_view();
    Standing standing("portal-0", {}, view.now);
    standing.offer_record_id("aa11");
    standing.read({view.record, "1", {}}, view.now, view.now);
    auto named = standing.begin_write(view.record, "portal-0", view.now);
    EXPECT_EQ(named.id, "aa11");
    named.id = "of another portal";
    EXPECT_EQ(standing.begin_write(named, "portal-0", view.now).id, "of another portal");
}

TEST(StandingHistory, a_portal_that_stands_by_says_what_the_acting_one_waits_for) {
    auto view = healthy_view();
    view.record.phase = Phase::fencing;
    view.record.reason = "redis-0 is gone";
    view.record.acting = "portal-1";
    view.portals[1].mark.waits_for = "no node can be promoted; bring one back";
    Standing standing("portal-0", {}, view.now);
    standing.introduce("http://10.0.0.1:9380/");
    standing.read({view.record, "1", {view.portals[1].mark}}, view.now, view.now);
    const auto seen = standing.look(view.nodes, view.now);
    EXPECT_EQ(standing.topology(seen).reason, "redis-0 is gone; no node can be promoted; bring one back");
    EXPECT_EQ(standing.due_mark(seen, view.now)->url, "http://10.0.0.1:9380/");
    EXPECT_EQ(standing.due_mark(seen, view.now)->waits_for, "");
}

TEST(Introduction, the_status_page_has_an_address_that_others_can_follow) {
    EXPECT_EQ(status_page_url({"10.0.0.1", 9380}), "http://10.0.0.1:9380/");
    EXPECT_EQ(status_page_url({"fd00::1", 9380}), "http://[fd00::1]:9380/");
    for (const auto* everywhere : {"0.0.0.0", "::"}) {
        const auto url = status_page_url({everywhere, 9380});
        EXPECT_EQ(url.find(everywhere), std::string::npos) << url;
        EXPECT_TRUE(url.ends_with(":9380/")) << url;
    }
    EXPECT_NE(random_record_id(), random_record_id());
    EXPECT_EQ(random_record_id().size(), 16U);
}

TEST(Tenure, begins_when_the_record_says_and_not_when_this_portal_started) {
    using namespace std::chrono_literals;
    auto record = healthy_view().record;
    const Tenure::WallTime now = Tenure::WallTime(1'796'000'500s);
    Tenure tenure;
    tenure.look(record, now);
    EXPECT_EQ(tenure.leader_since(), now) << "a record of an older version does not say";
    record.leader_since = 1'796'000'000;
    tenure.look(record, now + 5s);
    EXPECT_EQ(tenure.leader_since(), now - 500s);
}

TEST(Tenure, a_change_that_comes_to_nothing_does_not_end_it) {
    using namespace std::chrono_literals;
    auto record = healthy_view().record;
    const Tenure::WallTime now = Tenure::WallTime(1'796'000'000s);
    Tenure tenure;
    tenure.look(record, now);
    record.phase = Phase::fencing;
    tenure.look(record, now + 1s);
    record.phase = Phase::leading;
    tenure.look(record, now + 2s);
    EXPECT_EQ(tenure.leader_since(), now);
    record.leader = "redis-1";
    tenure.look(record, now + 3s);
    EXPECT_EQ(tenure.leader_since(), now + 3s);
}

}  // namespace
}  // namespace portal::sentinel
