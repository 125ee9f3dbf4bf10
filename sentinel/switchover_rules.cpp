#include "sentinel/switchover_rules.hpp"

#include "replication/candidate.hpp"

namespace portal::sentinel {

bool goes_before(const replication::NodeReport& a, const replication::NodeReport& b) {
    return a.priority != b.priority ? a.priority < b.priority : a.offset > b.offset;
}

std::string who_is_barred(const View& view, const std::string& wanted) {
    std::string why;
    for (const auto& node : view.nodes) {
        if (node.node.name == view.record.leader || (!wanted.empty() && wanted != node.node.name)) {
            continue;
        }
        if (!node.report || !replication::is_barred(*node.report)) {
            return {};
        }
        why += (why.empty() ? "no node may take over: " : "; ") + replication::why_barred(node.node.name, *node.report);
    }
    return why;
}

bool refuses_login(const NodeView& node) {
    return node.login.word == LoginState::Word::refused;
}

std::string who_refuses_login(const View& view, const std::string& wanted) {
    std::string why;
    bool some_may = false;
    for (const auto& node : view.nodes) {
        const bool leads = node.node.name == view.record.leader;
        if (leads && refuses_login(node)) {
            return login_sentence(node);
        }
        if (leads || (!wanted.empty() && wanted != node.node.name)) {
            continue;
        }
        some_may = some_may || !refuses_login(node);
        why = refuses_login(node) ? login_sentence(node) : why;
    }
    return some_may ? std::string() : why;
}

}  // namespace portal::sentinel
