#include "sentinel/announcements.hpp"

#include "observe/log.hpp"

#include <cstdint>
#include <utility>

namespace portal::sentinel {
namespace {

constexpr auto kSource = "monitor";

/// That a leader is lost, and that nobody can take its place, is worth a warning; a switchover is what somebody wanted.
observe::LogLevel level_of(const Decision& decision) {
    const bool begins = decision.step == Step::fencing && !decision.actions.empty() &&
                        std::holds_alternative<WriteRecord>(decision.actions.front());
    const bool waits = decision.step == Step::choosing && decision.actions.empty();
    const bool planned = decision.why.starts_with(kSwitchover);
    return (begins && !planned) || waits ? observe::LogLevel::warn : observe::LogLevel::info;
}

}  // namespace

void Announcements::routes(const replication::Topology& topology, TimePoint now) {
    using Kind = Outage::News::Kind;
    const auto news = outage_.look(topology.leader.has_value(), topology.reason, now);
    if (news.kind == Kind::begun || news.kind == Kind::goes_on) {
        observe::log_error(kSource, "no leader: clients wait, and get NOLEADER after hold.time",
                           {{"epoch", static_cast<std::uint64_t>(topology.epoch)},
                            {"reason", topology.reason},
                            {"lasts_ms", news.lasted.count()}});
    } else if (news.kind == Kind::over) {
        observe::log_warn(kSource, "there is a leader again",
                          {{"leader", topology.leader->name}, {"lasted_ms", news.lasted.count()}});
    }
}

void Announcements::decided(const Decision& decision, const Record& record) {
    if (decision.why.empty() || decision.why == said_) {
        return;
    }
    observe::log(level_of(decision), kSource, decision.why,
                 {{"step", to_string(decision.step)}, {"epoch", static_cast<std::uint64_t>(record.epoch)}});
    said_ = decision.why;
}

void Announcements::look(const View& view) {
    Complaints twins;
    Complaints logins;
    Complaints strangers;
    Complaints sentinels;
    for (const auto& node : view.nodes) {
        if (!node.twin_of.empty()) {
            twins[node.node.name] = node.trouble;
        }
        if (node.login.word == LoginState::Word::refused) {
            logins[node.node.name] = login_sentence(node);
        }
        for (const auto& stranger : strangers_among(node.visitors.monitors, view.record.id)) {
            strangers[node.node.name] = stranger_sentence(node.node.name, stranger);
        }
        for (const auto& address : node.visitors.sentinels) {
            sentinels[node.node.name] = sentinel_sentence(node.node.name, address);
        }
    }
    tell(twins_, std::move(twins), "node has a process of its own again");
    tell(logins_, std::move(logins), "node accepts the monitor's login again, or does not answer");
    tell(strangers_, std::move(strangers), "no portal with another record watches the node any more");
    tell(sentinels_, std::move(sentinels), "no Sentinel watches the node any more");
}

void Announcements::tell(Complaints& told, Complaints now, const char* cured) {
    for (const auto& [node, sentence] : now) {
        if (const auto before = told.find(node); before == told.end() || before->second != sentence) {
            observe::log_error(kSource, sentence, {{"node", node}});
        }
    }
    for (const auto& [node, sentence] : std::exchange(told, std::move(now))) {
        if (!told.contains(node)) {
            observe::log_info(kSource, cured, {{"node", node}});
        }
    }
}

}  // namespace portal::sentinel
