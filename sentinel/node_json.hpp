// A node in /status.json. What is not known now is left out: a node that does not answer has no role, no offset and no
// lag, whatever it had when it was seen last. Pure.
#pragma once

#include "sentinel/view.hpp"

#include <boost/json/object.hpp>

namespace portal::sentinel {

boost::json::object node_json(const NodeView& node, const View& view);

}  // namespace portal::sentinel
