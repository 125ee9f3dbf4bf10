// Leases of coordination.k8s.io/v1: how they are named, made, changed and read. Knows nothing of what is written into
// their annotations. Pure.
#pragma once

#include <chrono>
#include <string>

#include <boost/json/object.hpp>

namespace portal::kubernetes {

std::string leases_path(const std::string& namespace_name);
/// Finds the Leases of one cluster, as it stands in a URL.
std::string label_selector(const std::string& cluster);
/// A whole new Lease with the label of its cluster.
boost::json::object lease_named(const std::string& name, const std::string& cluster, boost::json::object annotations);
/// A merge patch; also gives the label to a Lease that somebody made by hand. `version` empty: whatever version is
/// there.
boost::json::object changed_lease(const std::string& cluster, boost::json::object annotations,
                                  const std::string& version);

std::string name_of(const boost::json::object& lease);
std::string version_of(const boost::json::object& lease);
const boost::json::object& annotations_of(const boost::json::object& lease);

/// MicroTime of the API: RFC 3339 in UTC with six digits.
std::string micro_time(std::chrono::system_clock::time_point time);

}  // namespace portal::kubernetes
