// The table of the agent's keys: one row per key with its field, its bounds and its help, walked by the same visitors
// as config_keys.hpp.
#pragma once

#include "config/agent_config.hpp"
#include "config/config_keys.hpp"

namespace portal::config {

template <class Visitor>
void visit_keys(Visitor& visit, AgentRedis& redis) {
    visit.value({"address", "Where the node beside the agent listens."}, redis.address, AddressRule{});
    visit.optional_section({"tls", "Encryption towards the node; `null`: plain text."}, redis.tls);
    visit.value({"username", "ACL user that may PING, INFO and ROLE; `null`: Redis's `default` user."}, redis.username,
                TextRule{});
    visit.value({"password_file", "File whose first line is the password, read again for each connection."},
                redis.password_file, FileRule{});
}

template <class Visitor>
void visit_keys(Visitor& visit, AgentProbes& probes) {
    using namespace std::chrono_literals;
    visit.value({"answer_time",
                 "A node that has not answered for this long counts as hung; shorter than the time that the caller "
                 "of the probe allows."},
                probes.answer_time, DurationRule{50ms, 60s, ""});
    visit.value({"link_down", "A replica without a link to its leader stays ready for this long."}, probes.link_down,
                DurationRule{1s, 1h, "not at all"});
}

template <class Visitor>
void visit_keys(Visitor& visit, AgentHandOver& hand_over) {
    using namespace std::chrono_literals;
    visit.value({"socket",
                 "Path of a unix socket of this agent alone, which only its user can open (mode 0600): `redis-portal "
                 "hand-over` over it begins the hand-over. `null`, without `listen`: only SIGTERM begins it."},
                hand_over.socket, FileRule{FileUse::write});
    visit.value({"listen",
                 "Where `POST /hand-over` with the token of `token_file` begins it too; a port of its own; goes with "
                 "`token_file`."},
                hand_over.listen, AddressRule{});
    visit.value(
        {"token_file", "File whose first line, at least 16 characters, is that token; read again for each call."},
        hand_over.token_file, FileRule{});
    visit.value(
        {"time",
         "How long a leader that is to stop waits for another node to lead, and how long a node counts as about "
         "to stop after `/hand-over` was called."},
        hand_over.time, DurationRule{100ms, 10min, ""});
}

template <class Visitor>
void visit_keys(Visitor& visit, AgentConfig& config) {
    visit.section({"redis", "The node beside the agent, and how the agent logs in."}, config.redis);
    visit.value({"listen", "Where the agent answers probes, metrics and the portals."}, config.listen, AddressRule{});
    visit.value({"data", "A path on the volume that holds Redis's data, to see how full it is."}, config.data,
                FileRule{FileUse::write});
    visit.section({"probes", "When the node counts as alive and as ready."}, config.probes);
    visit.section({"hand_over", "How the leadership is given away before the node stops."}, config.hand_over);
    visit.section({"log", "What is written to standard error."}, config.log);
}

}  // namespace portal::config
