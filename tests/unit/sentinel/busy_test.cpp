// Observations played in, verdicts looked at: acknowledgements, silence, what agents say, -BUSY, time.
#include "sentinel/busy.hpp"

#include "sentinel/leader_watch.hpp"
#include "sentinel/node_account.hpp"
#include "views.hpp"

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

constexpr auto kBusyError = "BUSY Redis is busy running a script.";

/// One portal, one leader that has answered until now, and a replica that follows it.
class Busy : public ::testing::Test {
  protected:
    Busy() { answer(); }

    void answer() {
        acknowledged_at = now;
        note(ProbeResult::answered, now, report);
    }
    void say(const std::string& error) { note(ProbeResult::denied, now, std::nullopt, error); }
    void fail(ProbeResult result, const std::string& how, std::optional<KernelSigns> kernel = std::nullopt) {
        note(result, now, std::nullopt, how, kernel);
    }
    /// Time passes, and each look finds that the machine has just acknowledged what was sent, or has not.
    void pass(Milliseconds time, bool acknowledges, bool kept = true) {
        const auto end = now + time;
        while (now < end) {
            now += Milliseconds(100);
            acknowledged_at = acknowledges ? now : acknowledged_at;
            const KernelSigns signs{acknowledged_at, !acknowledges, kept};
            note(ProbeResult::waiting, now, std::nullopt, {}, signs);
        }
    }
    void agent(ProcessState state, const std::string& run_id = "redis-0-run") {
        account.note(AgentWord{state, now, run_id});
    }

    Health health() const { return account.assess(now); }
    /// The replica heard the leader for the last time when it fell silent.
    LeaderVerdict verdict() {
        view.now = now;
        view.nodes[0] = account.seen(now);
        view.nodes[0].node = {"redis-0", {"redis-0", 6379}};
        view.nodes[1].asked_at = view.nodes[1].reported_at = now;
        view.nodes[1].heard_at = heard;
        return judge_leader(view, timing);
    }
    LeaderState state() { return verdict().state; }

    View view = healthy_view();
    Timing timing;
    TimePoint now = view.now;
    TimePoint heard = view.now;
    TimePoint acknowledged_at = view.now;
    replication::NodeReport report = *view.nodes[0].report;  // what the leader answers
    NodeAccount account{{"redis-0", {"redis-0", 6379}}, timing, now};

  private:
    void note(ProbeResult result, TimePoint asked_at, std::optional<replication::NodeReport> said,
              const std::string& detail = {}, std::optional<KernelSigns> kernel = std::nullopt) {
        account.note({"redis-0", result, asked_at, now, detail, std::move(said), {}, kernel});
    }
};

TEST_F(Busy, a_leader_whose_machine_acknowledges_keeps_its_role_for_busy_after) {
    pass(Milliseconds(3000), true);
    EXPECT_EQ(health(), Health::busy);
    EXPECT_EQ(state(), LeaderState::busy);
    EXPECT_NE(verdict().why.find("acknowledges"), std::string::npos) << verdict().why;
    pass(timing.busy_after - Milliseconds(3000), true);
    EXPECT_EQ(state(), LeaderState::busy) << "its question was due one interval after the last answer";
    pass(timing.ping_interval, true);
    EXPECT_EQ(health(), Health::down);
    EXPECT_EQ(state(), LeaderState::dead);
    EXPECT_NE(verdict().why.find("busy_after"), std::string::npos) << verdict().why;
}

TEST_F(Busy, that_it_was_busy_for_too_long_is_told_apart_from_death) {
    pass(timing.busy_after + timing.ping_interval, true);
    EXPECT_TRUE(account.seen(now).overdue);
    pass(timing.down_after, false);
    EXPECT_FALSE(account.seen(now).overdue) << "it is cut off now";
    fail(ProbeResult::refused, "connection refused");
    EXPECT_FALSE(account.seen(now).overdue);
}

TEST_F(Busy, one_that_answers_again_has_all_of_busy_after_anew) {
    for (int i = 0; i < 5; ++i) {
        pass(Milliseconds(9000), true);
        ASSERT_EQ(state(), LeaderState::busy) << i;
        answer();
        heard = now;
        ASSERT_EQ(state(), LeaderState::fine) << i;
    }
}

TEST_F(Busy, a_cut_network_is_found_as_early_as_without_this_rule) {
    timing.busy_after = Milliseconds(0);
    NodeAccount today{{"redis-0", {"redis-0", 6379}}, timing, now};
    today.note({"redis-0", ProbeResult::answered, now, now, "", report, {}, std::nullopt});
    bool down = false;
    for (int i = 0; i < 200 && !down; ++i) {
        pass(Milliseconds(100), false);
        down = today.assess(now) == Health::down;
        EXPECT_EQ(health() == Health::down, down) << i;
    }
    EXPECT_TRUE(down);
    EXPECT_EQ(state(), LeaderState::dead);
}

TEST_F(Busy, a_network_that_is_cut_while_the_leader_is_busy_is_found_within_down_after) {
    pass(Milliseconds(3000), true);
    pass(timing.down_after - Milliseconds(100), false);
    EXPECT_EQ(state(), LeaderState::busy);
    pass(Milliseconds(100), false);
    EXPECT_EQ(state(), LeaderState::dead);
}

TEST_F(Busy, a_process_that_dies_while_it_is_busy_is_found_at_once) {
    pass(Milliseconds(3000), true);
    fail(ProbeResult::broken, "connection closed by the node");
    EXPECT_EQ(health(), Health::down) << "what its machine acknowledged for the connection before is over";
    fail(ProbeResult::refused, "connection refused");
    lose_link(view.nodes[1]);
    heard = {};
    EXPECT_EQ(state(), LeaderState::dead);
}

TEST_F(Busy, what_is_acknowledged_for_a_process_that_never_answered_there_says_nothing) {
    fail(ProbeResult::broken, "connection closed by the node");
    pass(Milliseconds(1200), true, false);
    EXPECT_EQ(health(), Health::down) << "it may be a new process that comes up slowly, and another one's data";
    EXPECT_EQ(state(), LeaderState::dead);
}

TEST_F(Busy, a_stopped_process_is_found_by_its_agent_as_early_as_a_dead_one) {
    pass(Milliseconds(500), true);
    agent(ProcessState::stopped);
    EXPECT_NE(state(), LeaderState::dead) << "it may go on";
    pass(Milliseconds(600), true);
    agent(ProcessState::stopped);
    pass(Milliseconds(100), true);
    EXPECT_EQ(state(), LeaderState::dead);
    EXPECT_NE(verdict().why.find("stopped"), std::string::npos) << verdict().why;
}

TEST_F(Busy, one_that_is_writing_its_core_file_counts_as_stopped) {
    pass(Milliseconds(1200), true);
    agent(ProcessState::ended);
    EXPECT_EQ(state(), LeaderState::dead);
}

TEST_F(Busy, a_word_that_an_answer_has_disproved_or_that_is_old_does_not_count) {
    agent(ProcessState::stopped);
    now += Milliseconds(10);
    answer();
    pass(Milliseconds(1300), true);
    EXPECT_EQ(state(), LeaderState::busy) << "it has answered since";
    agent(ProcessState::stopped);
    EXPECT_EQ(state(), LeaderState::dead);
    pass(Milliseconds(1600), true);
    EXPECT_EQ(state(), LeaderState::busy) << "the agent says nothing any more";
}

TEST_F(Busy, a_word_about_another_process_does_not_count) {
    pass(Milliseconds(1300), true);
    agent(ProcessState::stopped, "another run");
    EXPECT_EQ(state(), LeaderState::busy);
    agent(ProcessState::stopped, "");
    EXPECT_EQ(state(), LeaderState::busy);
}

TEST_F(Busy, a_process_that_waits_for_nothing_its_agent_sees_is_busy_by_the_word_of_its_machine) {
    pass(Milliseconds(1300), true);
    agent(ProcessState::idle);  // DEBUG SLEEP
    EXPECT_EQ(state(), LeaderState::busy);
}

TEST_F(Busy, an_agent_that_sees_the_process_work_makes_up_for_a_connection_that_was_lost) {
    pass(Milliseconds(800), true);
    fail(ProbeResult::silent, "no answer in time", KernelSigns{now, false, false});
    now += Milliseconds(500);
    EXPECT_EQ(state(), LeaderState::dead);
    agent(ProcessState::working);
    EXPECT_EQ(state(), LeaderState::busy);
}

TEST_F(Busy, an_agent_cannot_speak_for_a_node_that_the_network_has_cut_off) {
    pass(Milliseconds(1300), false);
    agent(ProcessState::working);
    EXPECT_EQ(state(), LeaderState::dead) << "clients cannot reach it either";
    fail(ProbeResult::silent, "no answer in time", KernelSigns{{}, true, false});
    agent(ProcessState::working);
    EXPECT_EQ(state(), LeaderState::dead);
}

TEST_F(Busy, one_that_says_busy_or_loading_keeps_its_role_for_busy_after_and_no_longer) {
    for (const auto* error : {kBusyError, "LOADING Redis is loading the dataset in memory"}) {
        answer();
        const auto began = now;
        while (now - began < timing.busy_after) {
            now += timing.ping_interval;
            say(error);
            ASSERT_EQ(state(), LeaderState::busy) << error;
        }
        now += timing.ping_interval;
        say(error);
        EXPECT_EQ(state(), LeaderState::dead) << error;
        answer();
        heard = now;
        EXPECT_EQ(state(), LeaderState::fine);
    }
}

TEST_F(Busy, silence_after_busy_goes_on_counting) {
    pass(Milliseconds(5000), true);
    say(kBusyError);
    pass(Milliseconds(5100), true);
    EXPECT_EQ(state(), LeaderState::busy);
    pass(Milliseconds(200), true);
    EXPECT_EQ(state(), LeaderState::dead);
}

TEST_F(Busy, other_errors_are_answers_as_ever) {
    for (int i = 0; i < 100; ++i) {
        now += timing.ping_interval;
        say("NOAUTH Authentication required.");
    }
    EXPECT_EQ(state(), LeaderState::fine);
}

TEST_F(Busy, the_same_process_that_loads_its_data_again_is_busy_and_another_process_is_lost) {
    report.loading = true;
    now += timing.ping_interval;
    answer();
    EXPECT_EQ(state(), LeaderState::busy);
    for (int i = 0; i < 51; ++i) {
        now += timing.ping_interval;
        answer();
    }
    EXPECT_EQ(state(), LeaderState::dead);

    report.run_id = "the next process";
    view.phase_since = now - std::chrono::minutes(1);
    answer();
    EXPECT_EQ(state(), LeaderState::lost) << "perhaps empty, perhaps with old data: the rules for restarts decide";
}

TEST_F(Busy, nothing_of_this_counts_with_busy_after_0) {
    timing.busy_after = Milliseconds(0);
    account = NodeAccount{{"redis-0", {"redis-0", 6379}}, timing, now};
    answer();
    pass(Milliseconds(1300), true);
    agent(ProcessState::working);
    EXPECT_EQ(state(), LeaderState::dead);
    say(kBusyError);
    EXPECT_EQ(state(), LeaderState::fine);
    report.loading = true;
    answer();
    EXPECT_EQ(state(), LeaderState::fine);
}

TEST_F(Busy, the_own_pause_of_this_portal_is_forgiven) {
    pass(Milliseconds(500), true);
    now += std::chrono::minutes(1);
    account.forgive(now);
    pass(Milliseconds(3000), true);
    EXPECT_EQ(state(), LeaderState::busy);
}

}  // namespace
}  // namespace portal::sentinel
