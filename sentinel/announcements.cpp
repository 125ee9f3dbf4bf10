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
    std::map<std::string, std::string> twins;
    for (const auto& node : view.nodes) {
        if (node.twin_of.empty()) {
            continue;
        }
        twins[node.node.name] = node.trouble;
        if (!twins_.contains(node.node.name)) {
            observe::log_error(kSource, node.trouble, {{"node", node.node.name}, {"same_as", node.twin_of}});
        }
    }
    for (const auto& [name, sentence] : std::exchange(twins_, std::move(twins))) {
        if (!twins_.contains(name)) {
            observe::log_info(kSource, "node has a process of its own again", {{"node", name}});
        }
    }
}

}  // namespace portal::sentinel
