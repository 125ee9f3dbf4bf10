#include "sentinel/visitors.hpp"

#include "replication/fields.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace portal::sentinel {
namespace {

using replication::field_of;
using replication::take_until;

constexpr std::string_view kOurs = "redis-portal:";
constexpr std::string_view kSentinel = "sentinel-";
constexpr std::string_view kSentinelCommands = "-cmd";

template <class Value>
void add_once(std::vector<Value>& list, Value value) {
    if (std::ranges::find(list, value) == list.end()) {
        list.push_back(std::move(value));
    }
}

}  // namespace

std::string connection_name(std::string_view record, std::string_view portal) {
    return record.empty() ? std::string() : std::string(kOurs) + std::string(record) + ":" + std::string(portal);
}

Visitors visitors_of(std::string_view client_list) {
    Visitors visitors;
    while (!client_list.empty()) {
        const auto line = take_until(client_list, '\n');
        auto name = field_of(line, "name", ' ');
        if (name.starts_with(kOurs)) {
            name.remove_prefix(kOurs.size());
            const auto record = take_until(name, ':');
            if (!record.empty() && !name.empty()) {
                add_once(visitors.monitors, Visitor{std::string(record), std::string(name)});
            }
        } else if (name.starts_with(kSentinel) && name.ends_with(kSentinelCommands)) {
            const auto address = field_of(line, "addr", ' ');
            add_once(visitors.sentinels, std::string(address.substr(0, address.rfind(':'))));
        }
    }
    return visitors;
}

std::vector<Visitor> strangers_among(const std::vector<Visitor>& monitors, std::string_view record) {
    std::vector<Visitor> strangers;
    std::ranges::copy_if(monitors, std::back_inserter(strangers),
                         [&](const Visitor& visitor) { return !record.empty() && visitor.record != record; });
    return strangers;
}

std::string stranger_sentence(const std::string& node, const Visitor& stranger) {
    return "portal " + stranger.portal + " watches " + node + " by another record (" + stranger.record +
           "), so that two portals may make two leaders: let all portals of these nodes use one arbiter, and stop the "
           "others";
}

std::string sentinel_sentence(const std::string& node, const std::string& address) {
    return "a Redis Sentinel at " + address + " watches " + node +
           " and may change the leader against the portals: stop it";
}

}  // namespace portal::sentinel
