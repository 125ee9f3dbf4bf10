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
    /// This portal writes, and its answer takes that long.
    void renew(std::uint64_t renewals, Milliseconds answer_takes = Milliseconds(0)) {
        role.asking(now);
        now += answer_takes;
        read("portal-0", renewals);
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
    renew(1);
    EXPECT_TRUE(role.held_here(now));
    EXPECT_FALSE(role.renewal_due(now));
    now += kLease / 4;
    EXPECT_TRUE(role.renewal_due(now));
    now += kLease;
    EXPECT_FALSE(role.held_here(now));
    EXPECT_TRUE(role.may_take(now)) << "by compare-and-swap, like everybody";
}

TEST_F(ActingRoleTest, a_renewal_counts_from_before_it_was_asked_for_since_others_may_see_it_before_its_answer_comes) {
    renew(1, kLease - Milliseconds(1));
    EXPECT_TRUE(role.held_here(now));
    now += Milliseconds(1);
    EXPECT_FALSE(role.held_here(now));
}

TEST_F(ActingRoleTest, of_writes_whose_answers_were_lost_the_first_counts) {
    renew(1);
    now += kLease / 4;
    role.asking(now);
    now += kLease / 4;
    read("portal-0", 1);
    renew(2);
    now += kLease * 3 / 4;
    EXPECT_FALSE(role.held_here(now)) << "the record may have changed when the first of the two was sent";
}

TEST_F(ActingRoleTest, a_role_from_an_earlier_life_is_renewed_before_it_is_used) {
    read("portal-0", 7);
    EXPECT_FALSE(role.held_here(now));
    EXPECT_TRUE(role.may_take(now));
    renew(8);
    EXPECT_TRUE(role.held_here(now));
}

TEST_F(ActingRoleTest, who_gave_it_away_leaves_it_to_others_for_a_lease) {
    renew(1);
    role.gave_away(now);
    read("", 2);
    EXPECT_FALSE(role.may_take(now));
    EXPECT_TRUE(role.may_take(now + kLease));
}

}  // namespace
}  // namespace portal::sentinel
