#include "agent/probes.hpp"

#include "agent/hand_over.hpp"

#include <gtest/gtest.h>

namespace portal::agent {
namespace {

using namespace std::chrono_literals;
using sentinel::LinkStatus;
using sentinel::Reply;
using Replies = std::vector<Reply>;

Reply said(std::string text) {
    return {LinkStatus::ok, false, std::move(text)};
}
Reply refused(std::string text) {
    return {LinkStatus::ok, true, std::move(text)};
}
Verdict ready_with(const std::string& info) {
    return ready({said("PONG"), said(info)}, 10s);
}

TEST(Probes, any_reply_is_a_sign_of_life) {
    for (const auto* reply : {"LOADING Redis is loading the dataset in memory", "BUSY Redis is busy running a script",
                              "MISCONF Errors writing to the AOF file", "MASTERDOWN Link with MASTER is down",
                              "NOAUTH Authentication required.", "ERR max number of clients reached"}) {
        EXPECT_TRUE(alive(Replies{refused(reply)}).good) << reply;
    }
    EXPECT_TRUE(alive(Replies{said("PONG")}).good);
}

TEST(Probes, silence_and_no_listener_are_bad_and_say_why) {
    for (const auto status : {LinkStatus::silent, LinkStatus::refused, LinkStatus::broken}) {
        const auto verdict = alive(Replies{{status, false, "no answer"}});
        EXPECT_FALSE(verdict.good);
        EXPECT_EQ(verdict.reason, "no answer");
    }
}

TEST(Probes, a_leader_that_answers_pong_is_ready) {
    EXPECT_TRUE(ready_with("# Replication\r\nrole:master\r\n").good);
    EXPECT_FALSE(ready(Replies{refused("LOADING"), said("role:master\r\n")}, 10s).good);
    EXPECT_FALSE(ready(Replies{said("PONG")}, 10s).good);
}

TEST(Probes, a_replica_is_ready_with_a_link_or_shortly_after_it_was_lost) {
    const std::string replica = "role:slave\r\nmaster_link_status:";
    EXPECT_TRUE(ready_with(replica + "up\r\n").good);
    EXPECT_TRUE(ready_with(replica + "down\r\nmaster_link_down_since_seconds:9\r\n").good);
    EXPECT_FALSE(ready_with(replica + "down\r\nmaster_link_down_since_seconds:10\r\n").good);
    EXPECT_FALSE(ready_with(replica + "down\r\nmaster_link_down_since_seconds:-1\r\n").good);
    EXPECT_FALSE(ready_with(replica + "down\r\n").good);
}

TEST(Standing, only_a_replica_that_has_synchronized_could_lead) {
    EXPECT_FALSE(standing_of("role:slave\r\n").leads);
    EXPECT_FALSE(
        standing_of("role:master\r\nconnected_slaves:1\r\nslave0:ip=::1,port=1,state=wait_bgsave\r\n").has_replica);
    const auto standing = standing_of("role:master\r\nslave0:ip=::1,port=1,state=online,offset=5,lag=0\r\n");
    EXPECT_TRUE(standing.leads);
    EXPECT_TRUE(standing.has_replica);
}

TEST(Leaving, ends_by_itself_and_the_later_end_counts) {
    AgentState state;
    const auto now = AgentState::Clock::now();
    EXPECT_FALSE(state.leaving());
    EXPECT_TRUE(state.leave_until(now - 1s));
    EXPECT_FALSE(state.leaving()) << "that time has passed";
    EXPECT_TRUE(state.leave_until(now + 1h));
    EXPECT_FALSE(state.leave_until(AgentState::Clock::time_point::max())) << "it was leaving already";
    EXPECT_FALSE(state.leave_until(now - 1s));
    EXPECT_TRUE(state.leaving());
    EXPECT_TRUE(state.stay());
    EXPECT_FALSE(state.stay());
    EXPECT_FALSE(state.leaving());
}

}  // namespace
}  // namespace portal::agent
