// A flight as people and programs read it. Times are milliseconds from the first sign of trouble (for a planned change,
// from its begin); those before it are negative.
#pragma once

#include "sentinel/flight_recorder.hpp"

#include <boost/json/object.hpp>

namespace portal::sentinel {

/// Numbers and sentences alone: `last_failover` of /status.json.
boost::json::object summary(const Flight& flight);
/// With the lists: an entry of `flight_recorder` of /status.json.
boost::json::object to_json(const Flight& flight);
/// One line for the log: when this portal routes to the new leader, and all of it once the flight is settled.
void log_landed(const Flight& flight);
void log_settled(const Flight& flight);

}  // namespace portal::sentinel
