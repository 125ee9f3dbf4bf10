#include "storage/volume_claim.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>

namespace portal::storage {
namespace {

constexpr std::uint64_t kGiB = 1ULL << 30U;

Claim read(const std::string& status, const std::string& requested = "12Gi") {
    return claim_of(boost::json::parse(R"({"metadata": {"name": "data-0", "uid": "u-1",
        "annotations": {"redis-portal/grown-at": "2026-01-02T03:04:05Z"}},
        "spec": {"resources": {"requests": {"storage": ")" +
                                       requested + R"("}}}, "status": )" + status + "}")
                        .as_object());
}

TEST(VolumeClaim, a_bound_claim_that_has_what_it_asks_for_is_settled) {
    const auto claim = read(R"({"phase": "Bound", "capacity": {"storage": "12Gi"}})");
    EXPECT_TRUE(claim.bound);
    EXPECT_EQ(claim.requested, 12 * kGiB);
    EXPECT_EQ(claim.capacity, 12 * kGiB);
    EXPECT_EQ(claim.progress, Progress::settled);
    ASSERT_TRUE(claim.grown_at);
    EXPECT_EQ(time_text(*claim.grown_at), "2026-01-02T03:04:05Z");
}

TEST(VolumeClaim, every_state_on_the_way_is_resizing) {
    const std::string bound = R"({"phase": "Bound", "capacity": {"storage": "8Gi"})";
    EXPECT_EQ(read(bound + "}").progress, Progress::resizing);
    EXPECT_EQ(read(bound + R"(, "conditions": [{"type": "Resizing", "status": "True"}]})").progress,
              Progress::resizing);
    EXPECT_EQ(read(bound + R"(, "conditions": [{"type": "FileSystemResizePending", "status": "True"}]})").progress,
              Progress::resizing);
    EXPECT_EQ(read(bound + R"(, "allocatedResourceStatuses": {"storage": "NodeResizePending"}})").progress,
              Progress::resizing);
}

TEST(VolumeClaim, errors_of_controller_and_node_are_failures_with_their_message) {
    const std::string bound = R"({"phase": "Bound", "capacity": {"storage": "8Gi"})";
    const auto claim = read(bound + R"(, "conditions": [{"type": "Resizing", "status": "True"},
        {"type": "ControllerResizeError", "status": "True", "message": "disk is busy"}]})");
    EXPECT_EQ(claim.progress, Progress::failed);
    EXPECT_EQ(claim.trouble, "disk is busy");
    for (const auto* state : {"ControllerResizeInfeasible", "ControllerResizeFailed", "NodeResizeInfeasible"}) {
        EXPECT_EQ(read(bound + R"(, "allocatedResourceStatuses": {"storage": ")" + state + "\"}}").progress,
                  Progress::failed);
    }
    EXPECT_EQ(read(bound + R"(, "conditions": [{"type": "NodeResizeError", "status": "False"}]})").progress,
              Progress::resizing);
}

TEST(VolumeClaim, what_is_not_as_expected_reads_as_empty) {
    const auto claim =
        claim_of(boost::json::parse(R"({"spec": 5, "status": {"phase": [], "conditions": [7]}})").as_object());
    EXPECT_FALSE(claim.bound);
    EXPECT_EQ(claim.requested, 0U);
    EXPECT_FALSE(claim.grown_at);
}

TEST(VolumeClaim, the_patch_has_the_new_size_and_the_time) {
    EXPECT_EQ(boost::json::serialize(growth_patch(12 * kGiB, WallTime{})),
              R"({"metadata":{"annotations":{"redis-portal/grown-at":"1970-01-01T00:00:00Z"}},)"
              R"("spec":{"resources":{"requests":{"storage":"12Gi"}}}})");
}

TEST(VolumeClaim, a_refusal_is_told_by_its_sentence) {
    EXPECT_EQ(refusal_of(403, "persistentvolumeclaims \"a\" is forbidden: exceeded quota: storage"), Blocked::quota);
    EXPECT_EQ(refusal_of(403,
                         "only dynamically provisioned pvc can be resized and the storageclass that provisions the "
                         "pvc must support resize"),
              Blocked::unsupported);
    EXPECT_EQ(refusal_of(403, "the API server denies \"patch\""), Blocked::denied);
    EXPECT_EQ(refusal_of(500, "internal error"), Blocked::error);
}

}  // namespace
}  // namespace portal::storage
