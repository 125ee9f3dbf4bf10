#include "sentinel/health.hpp"

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

constexpr Milliseconds kPing{200};
constexpr Milliseconds kDownAfter{1000};

class NodeHealthTest : public ::testing::Test {
  protected:
    void note(ProbeResult result) { health.note({"redis-0", result, now, now, "detail", std::nullopt, {}, {}}); }
    Health assess() const { return health.assess(now); }

    TimePoint now = TimePoint{} + std::chrono::hours(1);
    NodeHealth health{kPing, {kDownAfter, Milliseconds(10000)}, now};
};

TEST_F(NodeHealthTest, a_node_that_was_never_reached_is_suspected_and_then_down) {
    EXPECT_EQ(assess(), Health::suspected);
    now += kDownAfter;
    EXPECT_EQ(assess(), Health::down);
}

TEST_F(NodeHealthTest, an_answer_makes_it_up_even_if_it_is_an_error) {
    note(ProbeResult::answered);
    EXPECT_EQ(assess(), Health::up);
    note(ProbeResult::denied);
    EXPECT_EQ(assess(), Health::up);
    EXPECT_EQ(health.trouble(now), "detail");
}

TEST_F(NodeHealthTest, a_refused_connection_is_down_at_once) {
    note(ProbeResult::answered);
    note(ProbeResult::broken);
    EXPECT_EQ(assess(), Health::suspected) << "the reconnect decides";
    note(ProbeResult::refused);
    EXPECT_EQ(assess(), Health::down);
    EXPECT_TRUE(health.refused());
    note(ProbeResult::answered);
    EXPECT_EQ(assess(), Health::up);
}

TEST_F(NodeHealthTest, a_connection_that_breaks_and_is_made_again_is_no_death) {
    note(ProbeResult::answered);
    note(ProbeResult::broken);
    note(ProbeResult::answered);
    EXPECT_EQ(assess(), Health::up);
}

TEST_F(NodeHealthTest, a_node_that_is_busy_for_less_than_down_after_is_never_down_whenever_that_begins) {
    const Milliseconds busy{990};
    for (Milliseconds begins{0}; begins <= kPing; begins += Milliseconds(1)) {
        note(ProbeResult::answered);
        const auto ends = now + begins + busy;
        while (now < ends) {
            now += Milliseconds(1);
            ASSERT_NE(assess(), Health::down) << "busy from " << begins.count() << " ms after an answer";
        }
    }
}

TEST_F(NodeHealthTest, an_answer_that_took_long_is_followed_by_a_question_at_once) {
    health.note({"redis-0", ProbeResult::answered, now, now + Milliseconds(900), "", std::nullopt, {}, {}});
    now += Milliseconds(900) + kDownAfter;
    EXPECT_EQ(assess(), Health::down);
}

TEST_F(NodeHealthTest, silence_is_suspected_after_two_pings_and_down_after_its_time) {
    note(ProbeResult::answered);
    now += 2 * kPing;
    EXPECT_EQ(assess(), Health::up);
    now += Milliseconds(1);
    EXPECT_EQ(assess(), Health::suspected);
    now += kDownAfter - kPing - Milliseconds(2);
    EXPECT_EQ(assess(), Health::suspected);
    now += Milliseconds(1);
    EXPECT_EQ(assess(), Health::down);
    EXPECT_FALSE(health.refused());
}

TEST_F(NodeHealthTest, trouble_begins_with_the_first_failure_and_not_with_the_last) {
    note(ProbeResult::answered);
    now += kPing;
    const auto first = now;
    note(ProbeResult::broken);
    now += kPing;
    note(ProbeResult::refused);
    EXPECT_EQ(health.failing_since(), first);
}

TEST_F(NodeHealthTest, the_own_pause_of_this_process_is_forgiven) {
    note(ProbeResult::answered);
    now += std::chrono::seconds(30);
    EXPECT_EQ(assess(), Health::down);
    health.forgive(now);
    EXPECT_EQ(assess(), Health::up);
    now += kDownAfter;
    EXPECT_EQ(assess(), Health::down) << "silence after the pause counts";
}

TEST(PauseGuardTest, notices_a_turn_that_comes_much_too_late_once) {
    auto now = TimePoint{} + std::chrono::hours(1);
    PauseGuard guard(Milliseconds(500), now);
    now += Milliseconds(500);
    EXPECT_FALSE(guard.paused(now));
    now += Milliseconds(501);
    EXPECT_TRUE(guard.paused(now));
    EXPECT_FALSE(guard.paused(now));
}

}  // namespace
}  // namespace portal::sentinel
