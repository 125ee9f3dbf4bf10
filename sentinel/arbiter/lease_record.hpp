// How record and marks look as annotations of Leases, and what a watch tells of them. Pure.
#pragma once

#include "sentinel/arbiter/http_watch.hpp"
#include "sentinel/arbiter/record.hpp"

#include <map>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace portal::sentinel {

constexpr std::string_view kRecordAnnotation = "redis-portal/record";

/// Annotations: the record with its leader for people; a mark; a mark's removal.
boost::json::object record_annotations(const Record& record);
boost::json::object written_mark(const Mark& mark);
boost::json::object removed_mark(const std::string& portal);

/// Texts of marks by portal.
std::map<std::string, std::string> marks_in(const boost::json::object& lease);

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
