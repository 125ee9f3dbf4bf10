#include "sentinel/flight_json.hpp"

#include "observe/log_fields.hpp"

#include <initializer_list>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace portal::sentinel {
namespace json = boost::json;

namespace {

constexpr auto kSource = "monitor";

std::int64_t milliseconds(const Flight& flight, TimePoint at) {
    return std::chrono::duration_cast<Milliseconds>(at - flight.start()).count();
}

std::string_view how(const Fenced& fenced) {
    return fenced.said_so ? "said so" : "its permit ran out";
}

std::string kind(const Flight& flight) {
    return flight.timeline.from.empty() ? "first leader" : flight.timeline.planned ? "switchover" : "failover";
}

/// A failover, or a change that came to nothing, is worth a warning.
observe::LogLevel level_of(const Flight& flight) {
    const bool wanted = flight.timeline.planned || flight.timeline.from.empty();
    return wanted && flight.timeline.changed() ? observe::LogLevel::info : observe::LogLevel::warn;
}

/// Those that are known.
void add_times(std::vector<observe::Field>& fields, const Flight& flight,
               std::initializer_list<std::pair<std::string_view, std::optional<TimePoint>>> times) {
    for (const auto& [key, at] : times) {
        if (at) {
            fields.emplace_back(key, milliseconds(flight, *at));
        }
    }
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
    std::vector<observe::Field> fields{{"from", timeline.from},
                                       {"to", timeline.to},
                                       {"epoch", static_cast<std::uint64_t>(timeline.epoch)},
                                       {"reason", timeline.reason}};
    add_times(fields, flight,
              {{"detected_ms", timeline.detected},
               {"fenced_ms", timeline.fenced},
               {"promoted_ms", timeline.promoted},
               {"recorded_ms", timeline.recorded},
               {"published_ms", flight.published}});
    observe::log_fields(level_of(flight), kSource,
                        kind(flight) + (timeline.changed() ? " complete" : " aborted: the same node leads on"), fields);
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
    std::vector<observe::Field> fields{{"from", timeline.from},
                                       {"to", timeline.to},
                                       {"epoch", static_cast<std::uint64_t>(timeline.epoch)},
                                       {"reason", timeline.reason},
                                       {"carried_out_by", flight.carried_out_by}};
    add_times(fields, flight, {{"last_reply_ms", flight.last_reply}});
    fields.emplace_back("evidence", evidence);
    add_times(fields, flight, {{"detected_ms", timeline.detected}});
    fields.emplace_back("fencing", fencing);
    add_times(fields, flight, {{"fenced_ms", timeline.fenced}});
    fields.emplace_back("candidates", candidates);
    add_times(fields, flight,
              {{"promoted_ms", timeline.promoted},
               {"recorded_ms", timeline.recorded},
               {"published_ms", flight.published},
               {"first_write_ms", flight.first_write}});
    for (const auto& [key, count] : {std::pair{"held", flight.cost.held},
                                     {"sent_again", flight.cost.sent_again},
                                     {"in_doubt", flight.cost.in_doubt},
                                     {"no_leader", flight.cost.no_leader},
                                     {"connections_closed", flight.cost.connections}}) {
        fields.emplace_back(key, count);
    }
    observe::log_fields(level_of(flight), kSource, kind(flight) + " account", fields);
}

}  // namespace portal::sentinel
