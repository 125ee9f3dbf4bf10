#include "sentinel/acting_role.hpp"

#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

constexpr Milliseconds kLease{4000};

class ActingRoleTest : public ::testing::Test {
  protected:
    void read(const std::string& holder, std::uint64_t renewals) {
        Record record;
        record.acting = holder;
        record.renewals = renewals;
        role.observe(record, now);
    }
    TimePoint now = TimePoint{} + std::chrono::hours(1);
    ActingRole role{"portal-0", kLease, now};
};

TEST_F(ActingRoleTest, nothing_is_taken_before_the_record_was_read) {
    EXPECT_FALSE(role.may_take(now + 10 * kLease));
}

TEST_F(ActingRoleTest, a_free_role_and_a_missing_record_are_taken_at_once) {
    role.observe(std::nullopt, now);
    EXPECT_TRUE(role.may_take(now));
    read("", 3);
    EXPECT_TRUE(role.may_take(now));
}

TEST_F(ActingRoleTest, a_role_that_is_renewed_stays_with_its_holder) {
    for (std::uint64_t renewal = 1; renewal < 20; ++renewal) {
        read("portal-1", renewal);
        now += kLease - Milliseconds(1);
        EXPECT_FALSE(role.may_take(now));
    }
}

TEST_F(ActingRoleTest, a_role_that_stands_still_for_a_lease_is_taken) {
    read("portal-1", 7);
    now += kLease / 2;
    read("portal-1", 7);
    EXPECT_FALSE(role.may_take(now));
    now += kLease / 2;
    EXPECT_TRUE(role.may_take(now));
}

TEST_F(ActingRoleTest, an_old_record_gives_its_holder_a_full_lease_from_the_first_look) {
    now += 100 * kLease;
    read("portal-1", 7);
    EXPECT_FALSE(role.may_take(now)) << "clocks are never compared";
}

TEST_F(ActingRoleTest, the_holder_renews_in_time_and_stops_acting_when_it_could_not) {
    read("portal-0", 1);
    EXPECT_TRUE(role.held_here(now));
    EXPECT_FALSE(role.renewal_due(now));
    now += kLease / 4;
    EXPECT_TRUE(role.renewal_due(now));
    now += kLease;
    EXPECT_FALSE(role.held_here(now));
    EXPECT_TRUE(role.may_take(now)) << "by compare-and-swap, like everybody";
}

TEST_F(ActingRoleTest, who_gave_it_away_leaves_it_to_others_for_a_lease) {
    read("portal-0", 1);
    role.gave_away(now);
    read("", 2);
    EXPECT_FALSE(role.may_take(now));
    EXPECT_TRUE(role.may_take(now + kLease));
}

}  // namespace
}  // namespace portal::sentinel
