#include "sentinel/arbiter/lease_record.hpp"

#include "kubernetes/lease.hpp"
#include "net/http/json_fields.hpp"
#include "sentinel/arbiter/record_json.hpp"

#include <utility>

namespace portal::sentinel {
namespace json = boost::json;

namespace {

constexpr std::string_view kLeaderAnnotation = "redis-portal/leader";
/// An annotation's name after the slash may have the 63 characters of a portal's name, so what it is stands before it.
constexpr std::string_view kMarkPrefix = "mark.redis-portal/";

}  // namespace

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

std::map<std::string, std::string> marks_in(const json::object& lease) {
    std::map<std::string, std::string> marks;
    for (const auto& [key, text] : kubernetes::annotations_of(lease)) {
        const std::string_view name(key.data(), key.size());
        if (name.starts_with(kMarkPrefix) && text.is_string()) {
            marks[std::string(name.substr(kMarkPrefix.size()))] = std::string(text.as_string());
        }
    }
    return marks;
}

Line LeaseEvents::read(std::string_view line) {
    std::string ignored;
    const auto event = net::parse_object(line, ignored);
    if (!event || net::text_at(*event, "type") == "ERROR") {
        // 410 Gone, for one: what was missed is read, and the next watch begins at the present.
        return Line::end;
    }
    const auto& lease = net::object_at(*event, "object");
    const auto name = kubernetes::name_of(lease);
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
