#include "sentinel/announcements.hpp"

#include "observe/log.hpp"

#include <cstdint>
#include <utility>

namespace portal::sentinel {
namespace {

constexpr auto kSource = "monitor";

}  // namespace

void Announcements::decided(const Decision& decision, const Record& record) {
    if (decision.why.empty() || decision.why == said_) {
        return;
    }
    observe::log_info(kSource, decision.why,
                      {{"step", to_string(decision.step)}, {"epoch", static_cast<std::uint64_t>(record.epoch)}});
    said_ = decision.why;
}

void Announcements::look(const View& view) {
    Complaints twins;
    Complaints logins;
    for (const auto& node : view.nodes) {
        if (!node.twin_of.empty()) {
            twins[node.node.name] = node.trouble;
        }
        if (node.login.word == LoginState::Word::refused) {
            logins[node.node.name] = login_sentence(node);
        }
    }
    tell(twins_, std::move(twins), "node has a process of its own again");
    tell(logins_, std::move(logins), "node accepts the monitor's login again, or does not answer");
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
