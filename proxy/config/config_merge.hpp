// What a running portal can take over of a changed configuration: all but the keys that need a restart, which stay as
// they are. So one of those holds up nothing else, a certificate or a password least of all. Pure.
#pragma once

#include "config/upkeep_config.hpp"

namespace portal::config {

/// `wanted` with the values of `running` for each key that needs a restart. Listeners are those of `running`; what may
/// change of one is taken from the listener of `wanted` at the same address.
PortalFile keep_what_needs_a_restart(const PortalFile& running, PortalFile wanted);

}  // namespace portal::config
