#include "kubernetes/lease.hpp"

#include "net/http/json_fields.hpp"

#include <string_view>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace portal::kubernetes {
namespace json = boost::json;

namespace {

constexpr std::string_view kClusterLabel = "redis-portal/cluster";

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

std::string name_of(const json::object& lease) {
    return net::text_at(net::object_at(lease, "metadata"), "name");
}
std::string version_of(const json::object& lease) {
    return net::text_at(net::object_at(lease, "metadata"), "resourceVersion");
}
const json::object& annotations_of(const json::object& lease) {
    return net::object_at(net::object_at(lease, "metadata"), "annotations");
}

std::string micro_time(std::chrono::system_clock::time_point time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const auto rest = std::chrono::duration_cast<std::chrono::microseconds>(time - seconds).count();
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), rest);
}

}  // namespace portal::kubernetes
