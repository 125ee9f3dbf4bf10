#include "kubernetes/lease.hpp"

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace portal::kubernetes {
namespace {

namespace json = boost::json;

TEST(Lease, times_have_six_digits_and_are_in_utc) {
    using namespace std::chrono;
    const auto moment = system_clock::time_point(seconds(1700000000) + microseconds(42));
    EXPECT_EQ(micro_time(moment), "2023-11-14T22:13:20.000042Z");
}

TEST(Lease, a_change_names_the_version_only_when_there_is_one_to_compare_with) {
    EXPECT_EQ(json::serialize(changed_lease("cache", {}, "7")),
              R"({"metadata":{"labels":{"redis-portal/cluster":"cache"},"annotations":{},"resourceVersion":"7"}})");
    EXPECT_EQ(json::serialize(changed_lease("cache", {{"mark", nullptr}}, "")),
              R"({"metadata":{"labels":{"redis-portal/cluster":"cache"},"annotations":{"mark":null}}})");
}

TEST(Lease, is_read_as_it_was_made) {
    const auto lease = lease_named("cache", "shop", {{"key", "value"}});
    EXPECT_EQ(name_of(lease), "cache");
    EXPECT_EQ(version_of(lease), "") << "the API server gives it";
    EXPECT_EQ(annotations_of(lease), (json::object{{"key", "value"}}));
    EXPECT_EQ(name_of({{"metadata", 7}}), "") << "what has no name is no Lease of ours";
}

}  // namespace
}  // namespace portal::kubernetes
