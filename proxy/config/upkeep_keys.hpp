// The table of the keys of section `upkeep`, and the table of the whole file: config_keys.hpp and this section.
#pragma once

#include "config/config_keys.hpp"
#include "config/upkeep_config.hpp"

namespace portal::config {

template <class Visitor>
void visit_keys(Visitor& visit, NodeAgent& agent) {
    visit.value({"node", "The name of the node, as under `nodes`.", Need::required}, agent.node, NameRule{});
    visit.value({"address", "Where the agent beside it answers.", Need::required}, agent.address, AddressRule{});
    visit.value({"claim", "The PersistentVolumeClaim that holds the node's data, for `auto_expand`."}, agent.claim,
                NameRule{});
}

template <class Visitor>
void visit_keys(Visitor& visit, AutoExpand& expand) {
    using namespace std::chrono_literals;
    visit.value({"threshold", "Percentage of the file system in use at which the volumes grow."}, expand.threshold,
                CountRule{10, 95, ""});
    visit.value({"increase", "By how many percent a volume grows in one step."}, expand.increase,
                CountRule{1, 400, ""});
    visit.value({"min_step", "The least by which it grows."}, expand.min_step, SizeRule{{1ULL << 30U}, {1ULL << 50U}});
    visit.value({"limit", "No volume is made larger than this.", Need::required}, expand.limit,
                SizeRule{{1ULL << 30U}, {1ULL << 50U}});
    visit.value({"cooldown",
                 "Time between two steps, since some storage refuses the next one for hours; from 95 % on it does not "
                 "count."},
                expand.cooldown, DurationRule{1s, 720h, "none"});
}

template <class Visitor>
void visit_keys(Visitor& visit, Upkeep& upkeep) {
    visit.sections(
        {"agents",
         "The `redis-portal agent` beside each node. It says when its node is about to stop, so that another "
         "one leads before, and how full its volume is."},
        upkeep.agents);
    visit.optional_section({"auto_expand",
                            "Let the nodes' volumes grow with the data; needs `arbiter.kubernetes` and a `claim` for "
                            "each node. `null`: they stay as they are."},
                           upkeep.auto_expand);
    visit.value({"role", "Name of the Role that lets the portals in, for sentences and metrics about what it denies."},
                upkeep.role, NameRule{});
}

template <class Visitor>
void visit_keys(Visitor& visit, PortalFile& file) {
    visit_keys(visit, file.config);
    visit.section({"upkeep", "What the portals do for the nodes beside failover.", Need::optional, Change::restart},
                  file.upkeep);
}

}  // namespace portal::config
