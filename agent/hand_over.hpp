// Before the node stops: says that it is leaving, which the acting portal reads, and waits until another node leads.
#pragma once

#include "agent/agent_state.hpp"
#include "agent/local_redis.hpp"

#include <cstdint>
#include <string_view>

#include <boost/asio/awaitable.hpp>

namespace portal::agent {

enum class HandOver : std::uint8_t {
    done,         // this node led, and follows another one now
    not_needed,   // it did not lead
    nobody,       // no replica is there that could lead
    redis_gone,   // the node does not answer any more
    out_of_time,  // it still leads
};
[[nodiscard]] std::string_view to_string(HandOver outcome);

/// Marks the node as leaving until `mark_until` and waits, at most for `time`. May run several times and at once; each
/// waits for the same.
[[nodiscard]] boost::asio::awaitable<HandOver> hand_over(AgentState& state, const LocalRedis& redis,
                                                         config::Milliseconds time,
                                                         AgentState::Clock::time_point mark_until);

/// The wait alone: changes nothing.
[[nodiscard]] boost::asio::awaitable<HandOver> wait_for_hand_over(const LocalRedis& redis, config::Milliseconds time);

/// What the reply to INFO replication says of who could lead instead.
struct Standing {
    bool leads = false;
    bool has_replica = false;  // one whose first synchronization is done
};
[[nodiscard]] Standing standing_of(const std::string& info);

}  // namespace portal::agent
