#include "storage/monitor_news.hpp"

#include <gtest/gtest.h>

namespace portal::storage {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

struct MonitorNewsTest : testing::Test {
    MonitorNewsTest() { look(); }

    std::vector<std::string> look(milliseconds later = milliseconds{250}) {
        now += later;
        std::vector<std::string> found;
        for (const auto& each : news.look(status, now)) {
            found.push_back((each.warning ? "! " : "") + each.reason + ": " + each.message);
        }
        return found;
    }
    void node(std::size_t index, const char* role, const char* health = "up") {
        status["nodes"].as_array()[index] =
            json::object{{"name", "redis-" + std::to_string(index)}, {"role", role}, {"health", health}};
    }
    void fencing(std::uint64_t epoch, bool planned = false) {
        status["epoch"] = epoch;
        status["leader"] = "";
        status["change"] = {{"from", "redis-0"}, {"reason", "it is gone"}, {"planned", planned}};
    }
    void leads(const char* to, std::uint64_t epoch, bool planned = false, const char* by = "portal-0") {
        status["epoch"] = epoch;
        status["leader"] = to;
        status.erase("change");
        status["last_failover"] = {
            {"from", "redis-0"},    {"to", to},         {"epoch", epoch},        {"planned", planned},
            {"carried_out_by", by}, {"duration_ms", 7}, {"reason", "it is gone"}};
    }

    MonitorNews news{"portal-0"};
    MonitorNews::TimePoint now{};
    json::object status{{"acting_here", true},
                        {"acting", "portal-0"},
                        {"epoch", 1},
                        {"leader", "redis-0"},
                        {"nodes",
                         {{{"name", "redis-0"}, {"role", "leader"}, {"health", "up"}},
                          {{"name", "redis-1"}, {"role", "replica"}, {"health", "up"}}}}};
    using Told = std::vector<std::string>;
};

TEST_F(MonitorNewsTest, nothing_is_told_while_nothing_happens) {
    EXPECT_EQ(look(), Told{});
}

TEST_F(MonitorNewsTest, a_failover_is_told_when_it_begins_and_when_it_has_ended) {
    fencing(2);
    EXPECT_EQ(look(), Told{"! FailoverStarted: redis-0 shall lead no longer, epoch 2: it is gone."});
    EXPECT_EQ(look(), Told{});
    leads("redis-1", 2);
    EXPECT_EQ(look(), Told{"! FailoverCompleted: redis-1 leads instead of redis-0, epoch 2, after 7 ms: it is gone."});
    EXPECT_EQ(look(), Told{});
}

TEST_F(MonitorNewsTest, one_that_was_over_before_anybody_looked_is_told_whole) {
    leads("redis-1", 2);
    EXPECT_EQ(look(),
              (Told{"! FailoverStarted: redis-0 shall lead no longer, epoch 2: it is gone.",
                    "! FailoverCompleted: redis-1 leads instead of redis-0, epoch 2, after 7 ms: it is gone."}));
}

TEST_F(MonitorNewsTest, one_after_which_the_same_node_leads_was_aborted) {
    fencing(2);
    look();
    leads("redis-0", 2);
    EXPECT_EQ(look(), Told{"! FailoverAborted: redis-0 leads on, epoch 2, after 7 ms: it is gone."});
}

TEST_F(MonitorNewsTest, a_switchover_is_told_when_it_has_ended) {
    fencing(2, true);
    EXPECT_EQ(look(), Told{});
    leads("redis-1", 2, true);
    EXPECT_EQ(look(), Told{"SwitchoverCompleted: redis-1 leads instead of redis-0, epoch 2, after 7 ms: it is gone."});
}

TEST_F(MonitorNewsTest, what_another_portal_carries_out_is_its_own_news) {
    status["acting_here"] = false;
    status["acting"] = "portal-1";
    look();
    fencing(2);
    EXPECT_EQ(look(), Told{});
    leads("redis-1", 2, false, "portal-1");
    EXPECT_EQ(look(), Told{});
}

TEST_F(MonitorNewsTest, a_failover_taken_over_from_another_portal_is_not_begun_twice) {
    status["acting_here"] = false;
    look();
    fencing(2);
    look();
    status["acting_here"] = true;
    EXPECT_EQ(look(), Told{});
    leads("redis-1", 2);
    EXPECT_EQ(look().size(), 1U);
}

TEST_F(MonitorNewsTest, the_first_leader_is_elected) {
    leads("redis-1", 2);
    status["last_failover"].as_object()["from"] = "";
    EXPECT_EQ(look(), Told{"LeaderElected: redis-1 leads, epoch 2: it is gone."});
}

TEST_F(MonitorNewsTest, a_second_leader_is_told_once_when_it_stays) {
    node(1, "leader");
    EXPECT_EQ(look(), Told{});
    status["decision"] = "it is left alone";
    EXPECT_EQ(look(MonitorNews::kSplit),
              Told{"! SplitBrainDetected: redis-1 leads beside the recorded leader redis-0: it is left alone."});
    EXPECT_EQ(look(MonitorNews::kSplit), Told{});
    node(1, "replica");
    EXPECT_EQ(look(), Told{});
    node(1, "leader");
    EXPECT_EQ(look(), Told{});
    EXPECT_EQ(look(MonitorNews::kSplit).size(), 1U);
}

TEST_F(MonitorNewsTest, a_second_leader_that_is_corrected_or_gone_or_seen_during_a_failover_is_none) {
    node(1, "leader", "down");
    EXPECT_EQ(look(MonitorNews::kSplit), Told{});
    EXPECT_EQ(look(MonitorNews::kSplit), Told{});
    node(1, "leader");
    look();
    node(1, "replica");
    EXPECT_EQ(look(MonitorNews::kSplit), Told{});
    node(1, "leader");
    status["leader"] = "";
    look();
    EXPECT_EQ(look(MonitorNews::kSplit), Told{});
}

TEST_F(MonitorNewsTest, a_portal_that_loses_the_acting_role_says_so_and_who_has_it) {
    status["acting_here"] = false;
    status["arbiter_error"] = "no answer";
    EXPECT_EQ(look(), Told{"! LeaseLost: portal-0 acts no longer: no answer."});
    EXPECT_EQ(look(), Told{});
    status["acting_here"] = true;
    look();
    status["acting_here"] = false;
    status["acting"] = "portal-1";
    status["arbiter_error"] = "";
    EXPECT_EQ(look(), Told{"! LeaseLost: portal-0 acts no longer; portal-1 does."});
}

}  // namespace
}  // namespace portal::storage
