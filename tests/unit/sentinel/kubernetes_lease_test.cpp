#include "sentinel/arbiter/kubernetes_lease.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace portal::sentinel {
namespace {

Mark mark_of(const std::string& portal, std::uint64_t beat) {
    Mark mark;
    mark.portal = portal;
    mark.beat = beat;
    return mark;
}

class LeaseEventsTest : public ::testing::Test {
  protected:
    Line told(const std::string& lease, boost::json::object annotations) {
        boost::json::object event{{"type", "MODIFIED"},
                                  {"object", lease_named(lease, "cache", std::move(annotations))}};
        return events.read(boost::json::serialize(event));
    }
    LeaseEvents events{"cache", "cache-portals", "portal-0"};
};

TEST_F(LeaseEventsTest, the_record_concerns_everybody) {
    EXPECT_EQ(told("cache", record_annotations(Record{})), Line::change);
}

TEST_F(LeaseEventsTest, of_the_marks_only_those_of_others_concern_a_portal) {
    EXPECT_EQ(told("cache-portals", written_mark(mark_of("portal-0", 1))), Line::nothing);
    EXPECT_EQ(told("cache-portals", written_mark(mark_of("portal-1", 1))), Line::change);
    EXPECT_EQ(told("cache-portals", written_mark(mark_of("portal-1", 1))), Line::nothing) << "nothing new";
    EXPECT_EQ(told("cache-portals", written_mark(mark_of("portal-1", 2))), Line::change);
    EXPECT_EQ(told("cache-portals", {}), Line::change) << "it is gone";
}

TEST_F(LeaseEventsTest, other_leases_concern_nobody) {
    EXPECT_EQ(told("queue", record_annotations(Record{})), Line::nothing);
}

TEST_F(LeaseEventsTest, an_error_or_what_is_no_event_ends_the_watch) {
    EXPECT_EQ(events.read(R"({"type":"ERROR","object":{"kind":"Status","code":410}})"), Line::end);
    EXPECT_EQ(events.read("upstream connect error"), Line::end);
    EXPECT_EQ(events.read(R"({"type":"MODIFIED","object":[]})"), Line::nothing);
}

TEST(Lease, times_have_six_digits_and_are_in_utc) {
    using namespace std::chrono;
    const auto moment = system_clock::time_point(seconds(1700000000) + microseconds(42));
    EXPECT_EQ(micro_time(moment), "2023-11-14T22:13:20.000042Z");
}

TEST(Lease, a_change_names_the_version_only_when_there_is_one_to_compare_with) {
    EXPECT_EQ(boost::json::serialize(changed_lease("cache", {}, "7")),
              R"({"metadata":{"labels":{"redis-portal/cluster":"cache"},"annotations":{},"resourceVersion":"7"}})");
    EXPECT_EQ(
        boost::json::serialize(changed_lease("cache", removed_mark("portal-1"), "")),
        R"({"metadata":{"labels":{"redis-portal/cluster":"cache"},"annotations":{"mark.redis-portal/portal-1":null}}})");
}

}  // namespace
}  // namespace portal::sentinel
