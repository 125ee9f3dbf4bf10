#include "storage/volume_claim.hpp"

#include "net/http/json_fields.hpp"
#include "storage/quantity.hpp"

#include <ctime>

#include <boost/json/array.hpp>

namespace portal::storage {

namespace json = boost::json;
using net::array_at;
using net::object_at;
using net::text_at;

namespace {

constexpr auto kGrownAt = "redis-portal/grown-at";
constexpr auto kTimeFormat = "%Y-%m-%dT%H:%M:%SZ";

std::optional<WallTime> time_of(const std::string& text) {
    std::tm parts{};
    const char* end = ::strptime(text.c_str(), kTimeFormat, &parts);
    if (end == nullptr || *end != '\0') {
        return std::nullopt;
    }
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

/// Conditions and allocatedResourceStatuses as the resize controller and the kubelet set them (Kubernetes 1.23 to
/// 1.34).
void read_progress(const json::object& status, Claim& claim) {
    for (const auto& item : array_at(status, "conditions")) {
        const auto* condition = item.if_object();
        if (condition == nullptr || text_at(*condition, "status") != "True") {
            continue;
        }
        const auto type = text_at(*condition, "type");
        if (type == "ControllerResizeError" || type == "NodeResizeError") {
            claim.progress = Progress::failed;
            claim.trouble = text_at(*condition, "message");
        } else if ((type == "Resizing" || type == "FileSystemResizePending") && claim.progress == Progress::settled) {
            claim.progress = Progress::resizing;
        }
    }
    const auto allocated = text_at(object_at(status, "allocatedResourceStatuses"), "storage");
    if (allocated.ends_with("Failed") || allocated.ends_with("Infeasible")) {
        claim.progress = Progress::failed;
        claim.trouble = claim.trouble.empty() ? allocated : claim.trouble;
    }
}

}  // namespace

Claim claim_of(const json::object& object) {
    const auto& status = object_at(object, "status");
    const auto& metadata = object_at(object, "metadata");
    const auto& spec = object_at(object, "spec");
    Claim claim;
    claim.uid = text_at(metadata, "uid");
    claim.bound = text_at(status, "phase") == "Bound";
    claim.requested = bytes_of(text_at(object_at(object_at(spec, "resources"), "requests"), "storage")).value_or(0);
    claim.capacity = bytes_of(text_at(object_at(status, "capacity"), "storage")).value_or(0);
    claim.grown_at = time_of(text_at(object_at(metadata, "annotations"), kGrownAt));
    read_progress(status, claim);
    if (claim.capacity < claim.requested && claim.progress == Progress::settled) {
        claim.progress = Progress::resizing;
    }
    return claim;
}

json::object growth_patch(std::uint64_t to, WallTime now) {
    return {{"metadata", {{"annotations", {{kGrownAt, time_text(now)}}}}},
            {"spec", {{"resources", {{"requests", {{"storage", quantity_of(to)}}}}}}}};
}

Blocked refusal_of(unsigned status, const std::string& sentence) {
    constexpr unsigned kForbidden = 403;
    if (status != kForbidden) {
        return Blocked::error;
    }
    if (sentence.find("exceeded quota") != std::string::npos) {
        return Blocked::quota;
    }
    return sentence.find("must support resize") != std::string::npos ? Blocked::unsupported : Blocked::denied;
}

std::string time_text(WallTime time) {
    const auto seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[32];
    return {text, std::strftime(text, sizeof text, kTimeFormat, &parts)};
}

}  // namespace portal::storage
