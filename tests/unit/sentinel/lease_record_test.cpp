#include "sentinel/arbiter/lease_record.hpp"

#include "kubernetes/lease.hpp"

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
                                  {"object", kubernetes::lease_named(lease, "cache", std::move(annotations))}};
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

TEST(LeaseRecord, a_mark_is_removed_by_an_annotation_without_a_value) {
    EXPECT_EQ(boost::json::serialize(removed_mark("portal-1")), R"({"mark.redis-portal/portal-1":null})");
}

}  // namespace
}  // namespace portal::sentinel
