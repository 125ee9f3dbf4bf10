#include "sentinel/view.hpp"

#include <algorithm>

namespace portal::sentinel {

const NodeView* find_node(const View& view, std::string_view name) noexcept {
    const auto found = std::ranges::find_if(view.nodes, [&](const NodeView& node) { return node.node.name == name; });
    return found == view.nodes.end() ? nullptr : &*found;
}

replication::SeenNode seen(const NodeView& node) {
    return {node.node, node.addresses, node.report.value_or(replication::NodeReport{})};
}

std::string login_sentence(const NodeView& node) {
    return node.node.name +
           " refuses the monitor's login, so that it can neither be made leader nor follow another one: " +
           node.login.answer + "; put the present password into monitor.password_file on every portal, or give that " +
           "user the password and the rights that it had";
}

bool is_named(const std::vector<std::string>& names, std::string_view name) noexcept {
    return std::ranges::find(names, name) != names.end();
}

}  // namespace portal::sentinel
