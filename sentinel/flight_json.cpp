#include "sentinel/flight_json.hpp"

#include "observe/log.hpp"

#include <utility>

#include <fmt/format.h>

namespace portal::sentinel {
namespace json = boost::json;

namespace {

constexpr auto kSource = "monitor";

std::int64_t milliseconds(const Flight& flight, TimePoint at) {
    return std::chrono::duration_cast<Milliseconds>(at - flight.start()).count();
}

std::int64_t milliseconds_or(const Flight& flight, std::optional<TimePoint> at, std::int64_t missing = -1) {
    return at ? milliseconds(flight, *at) : missing;
}

std::string_view how(const Fenced& fenced) {
    return fenced.said_so ? "said so" : "its permit ran out";
}

std::string kind(const Flight& flight) {
    return flight.timeline.from.empty() ? "first leader" : flight.timeline.planned ? "switchover" : "failover";
}

}  // namespace

json::object summary(const Flight& flight) {
    const auto& timeline = flight.timeline;
    json::object object{{"from", timeline.from},
                        {"to", timeline.to},
                        {"epoch", static_cast<std::uint64_t>(timeline.epoch)},
                        {"reason", timeline.reason},
                        {"planned", timeline.planned},
                        {"aborted", !timeline.changed()},
                        {"carried_out_by", flight.carried_out_by},
                        {"date", flight.date}};
    for (const auto& [key, at] : {std::pair{"last_reply_ms", flight.last_reply},
                                  {"detected_ms", timeline.detected},
                                  {"fenced_ms", timeline.fenced},
                                  {"promoted_ms", timeline.promoted},
                                  {"recorded_ms", timeline.recorded},
                                  {"published_ms", flight.published},
                                  {"duration_ms", flight.published},
                                  {"first_write_ms", flight.first_write}}) {
        if (at) {
            object[key] = milliseconds(flight, *at);
        }
    }
    object["held"] = flight.cost.held;
    object["sent_again"] = flight.cost.sent_again;
    object["in_doubt"] = flight.cost.in_doubt;
    object["no_leader"] = flight.cost.no_leader;
    object["connections_closed"] = flight.cost.connections;
    object["settled"] = flight.settled;
    return object;
}

json::object to_json(const Flight& flight) {
    auto object = summary(flight);
    json::array evidence;
    for (const auto& each : flight.evidence) {
        evidence.emplace_back(json::object{{"ms", milliseconds(flight, each.at)}, {"what", each.what}});
    }
    object["evidence"] = std::move(evidence);
    json::array fencing;
    for (const auto& each : flight.timeline.fencing) {
        fencing.emplace_back(
            json::object{{"portal", each.portal}, {"ms", milliseconds(flight, each.at)}, {"how", how(each)}});
    }
    object["fencing"] = std::move(fencing);
    json::array candidates;
    for (const auto& each : flight.timeline.candidates) {
        json::object candidate{{"node", each.node}, {"verdict", each.verdict}};
        if (each.offset) {
            candidate["offset"] = *each.offset;
        }
        candidates.emplace_back(std::move(candidate));
    }
    object["candidates"] = std::move(candidates);
    return object;
}

void log_landed(const Flight& flight) {
    const auto& timeline = flight.timeline;
    observe::log_info(kSource, kind(flight) + (timeline.changed() ? " complete" : " aborted: the same node leads on"),
                      {{"from", timeline.from},
                       {"to", timeline.to},
                       {"epoch", static_cast<std::uint64_t>(timeline.epoch)},
                       {"reason", timeline.reason},
                       {"detected_ms", milliseconds_or(flight, timeline.detected)},
                       {"fenced_ms", milliseconds_or(flight, timeline.fenced)},
                       {"promoted_ms", milliseconds_or(flight, timeline.promoted)},
                       {"recorded_ms", milliseconds_or(flight, timeline.recorded)},
                       {"published_ms", milliseconds_or(flight, flight.published)}});
}

void log_settled(const Flight& flight) {
    const auto& timeline = flight.timeline;
    std::string evidence;
    for (const auto& each : flight.evidence) {
        evidence += fmt::format("{}{} ms: {}", evidence.empty() ? "" : "; ", milliseconds(flight, each.at), each.what);
    }
    std::string fencing;
    for (const auto& each : timeline.fencing) {
        fencing += fmt::format("{}{} ms: {}, {}", fencing.empty() ? "" : "; ", milliseconds(flight, each.at),
                               each.portal, how(each));
    }
    std::string candidates;
    for (const auto& each : timeline.candidates) {
        candidates += fmt::format("{}{}{}: {}", candidates.empty() ? "" : "; ", each.node,
                                  each.offset ? fmt::format(" at {}", *each.offset) : std::string(), each.verdict);
    }
    observe::log_info(kSource, kind(flight) + " account",
                      {{"from", timeline.from},
                       {"to", timeline.to},
                       {"epoch", static_cast<std::uint64_t>(timeline.epoch)},
                       {"reason", timeline.reason},
                       {"carried_out_by", flight.carried_out_by},
                       {"last_reply_ms", milliseconds_or(flight, flight.last_reply, 0)},
                       {"evidence", evidence},
                       {"detected_ms", milliseconds_or(flight, timeline.detected)},
                       {"fencing", fencing},
                       {"fenced_ms", milliseconds_or(flight, timeline.fenced)},
                       {"candidates", candidates},
                       {"promoted_ms", milliseconds_or(flight, timeline.promoted)},
                       {"recorded_ms", milliseconds_or(flight, timeline.recorded)},
                       {"published_ms", milliseconds_or(flight, flight.published)},
                       {"first_write_ms", milliseconds_or(flight, flight.first_write)},
                       {"held", flight.cost.held},
                       {"sent_again", flight.cost.sent_again},
                       {"in_doubt", flight.cost.in_doubt},
                       {"no_leader", flight.cost.no_leader},
                       {"connections_closed", flight.cost.connections}});
}

}  // namespace portal::sentinel
