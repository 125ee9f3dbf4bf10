#include "agent/probes.hpp"

#include "agent/info_text.hpp"

namespace portal::agent {

Verdict alive(const std::vector<sentinel::Reply>& replies) {
    const auto& reply = replies.back();
    return reply.status == sentinel::LinkStatus::ok ? Verdict{true, {}} : Verdict{false, reply.text};
}

Verdict ready(const std::vector<sentinel::Reply>& replies, std::chrono::milliseconds link_down) {
    if (!replies.front().good() || replies.front().text != "PONG") {
        return {false, replies.front().text};
    }
    if (replies.size() < 2 || !replies[1].good()) {
        return {false, replies.back().text};
    }
    const InfoText info(replies[1].text);
    if (info.text("role") == "master" || info.text("master_link_status") == "up") {
        return {true, {}};
    }
    // -1: there has never been a link.
    const auto down_for = info.number("master_link_down_since_seconds").value_or(-1);
    if (down_for >= 0 && down_for < std::chrono::duration<double>(link_down).count()) {
        return {true, {}};
    }
    return {false, "neither leads nor has a link to the leader"};
}

}  // namespace portal::agent
