// How record and marks look as Leases of coordination.k8s.io/v1, and what a watch tells of them. Pure.
#pragma once

#include "sentinel/arbiter/http_watch.hpp"
#include "sentinel/arbiter/record.hpp"

#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace portal::sentinel {

constexpr std::string_view kRecordAnnotation = "redis-portal/record";

std::string leases_path(const std::string& namespace_name);
/// Finds the Leases of one cluster, as it stands in a URL.
std::string label_selector(const std::string& cluster);
/// A whole new Lease with the label of its cluster.
boost::json::object lease_named(const std::string& name, const std::string& cluster, boost::json::object annotations);
/// A merge patch; also gives the label to a Lease that somebody made by hand. `version` empty: whatever version is
/// there.
boost::json::object changed_lease(const std::string& cluster, boost::json::object annotations,
                                  const std::string& version);

/// Annotations: the record with its leader for people; a mark; a mark's removal.
boost::json::object record_annotations(const Record& record);
boost::json::object written_mark(const Mark& mark);
boost::json::object removed_mark(const std::string& portal);

std::string name_of(const boost::json::object& lease);
std::string version_of(const boost::json::object& lease);
const boost::json::object& annotations_of(const boost::json::object& lease);
/// Texts of marks by portal.
std::map<std::string, std::string> marks_in(const boost::json::object& lease);

/// MicroTime of the API: RFC 3339 in UTC with six digits.
std::string micro_time(std::chrono::system_clock::time_point time);

/// Reads the events of a watch and tells those that concern the record or another portal's mark.
class LeaseEvents {
  public:
    LeaseEvents(std::string record_lease, std::string marks_lease, std::string own_portal)
        : record_lease_(std::move(record_lease)),
          marks_lease_(std::move(marks_lease)),
          own_portal_(std::move(own_portal)) {}
    Line read(std::string_view line);

  private:
    std::string record_lease_;
    std::string marks_lease_;
    std::string own_portal_;
    std::map<std::string, std::string> marks_of_others_;
};

}  // namespace portal::sentinel
