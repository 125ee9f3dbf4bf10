#include "sentinel/arbiter/kubernetes_lease.hpp"

#include "net/http/json_fields.hpp"
#include "sentinel/arbiter/record_json.hpp"

#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace portal::sentinel {
namespace json = boost::json;

namespace {

constexpr std::string_view kClusterLabel = "redis-portal/cluster";
constexpr std::string_view kLeaderAnnotation = "redis-portal/leader";
/// An annotation's name after the slash may have the 63 characters of a portal's name, so what it is stands before it.
constexpr std::string_view kMarkPrefix = "mark.redis-portal/";

}  // namespace

std::string leases_path(const std::string& namespace_name) {
    return "/apis/coordination.k8s.io/v1/namespaces/" + namespace_name + "/leases";
}

std::string label_selector(const std::string& cluster) {
    return "redis-portal%2Fcluster%3D" + cluster;
}

json::object lease_named(const std::string& name, const std::string& cluster, json::object annotations) {
    json::object labels{{kClusterLabel, cluster}, {"app.kubernetes.io/managed-by", "redis-portal"}};
    json::object metadata{{"name", name}, {"labels", std::move(labels)}, {"annotations", std::move(annotations)}};
    return {{"apiVersion", "coordination.k8s.io/v1"}, {"kind", "Lease"}, {"metadata", std::move(metadata)}};
}

json::object changed_lease(const std::string& cluster, json::object annotations, const std::string& version) {
    json::object labels{{kClusterLabel, cluster}};
    json::object metadata{{"labels", std::move(labels)}, {"annotations", std::move(annotations)}};
    if (!version.empty()) {
        metadata["resourceVersion"] = version;
    }
    return {{"metadata", std::move(metadata)}};
}

json::object record_annotations(const Record& record) {
    const auto leader = record.phase == Phase::leading ? record.leader : "";
    return {{kRecordAnnotation, encode_record(record, 0)}, {kLeaderAnnotation, leader}};
}

json::object written_mark(const Mark& mark) {
    return {{std::string(kMarkPrefix) + mark.portal, encode_mark(mark)}};
}

json::object removed_mark(const std::string& portal) {
    return {{std::string(kMarkPrefix) + portal, nullptr}};
}

std::string name_of(const json::object& lease) {
    return net::text_at(net::object_at(lease, "metadata"), "name");
}
std::string version_of(const json::object& lease) {
    return net::text_at(net::object_at(lease, "metadata"), "resourceVersion");
}
const json::object& annotations_of(const json::object& lease) {
    return net::object_at(net::object_at(lease, "metadata"), "annotations");
}

std::map<std::string, std::string> marks_in(const json::object& lease) {
    std::map<std::string, std::string> marks;
    for (const auto& [key, text] : annotations_of(lease)) {
        const std::string_view name(key.data(), key.size());
        if (name.starts_with(kMarkPrefix) && text.is_string()) {
            marks[std::string(name.substr(kMarkPrefix.size()))] = std::string(text.as_string());
        }
    }
    return marks;
}

std::string micro_time(std::chrono::system_clock::time_point time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(time - seconds).count();
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), rest);
}

Line LeaseEvents::read(std::string_view line) {
    std::string ignored;
    const auto event = net::parse_object(line, ignored);
    if (!event || net::text_at(*event, "type") == "ERROR") {
        // 410 Gone, for one: what was missed is read, and the next watch begins at the present.
        return Line::end;
    }
    const auto& lease = net::object_at(*event, "object");
    const auto name = name_of(lease);
    if (name == record_lease_) {
        return Line::change;
    }
    if (name != marks_lease_) {
        return Line::nothing;
    }
    auto marks = marks_in(lease);
    marks.erase(own_portal_);
    return std::exchange(marks_of_others_, marks) == marks ? Line::nothing : Line::change;
}

}  // namespace portal::sentinel
