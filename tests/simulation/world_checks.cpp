#include "portal.hpp"
#include "world.hpp"

#include <algorithm>
#include <cstdio>

namespace portal::simulation {
using sentinel::Phase;
using sentinel::Record;

namespace {

/// Nothing was wrong with a node for so long: a failover that sees it must heed it.
constexpr Time kInReach{seconds(4)};

}  // namespace

void World::forwards(const std::string& portal, const std::string& leader, replication::Epoch epoch) {
    if (epoch < promoted_) {
        violation(portal + " forwards to " + leader + " of epoch " + std::to_string(static_cast<std::uint64_t>(epoch)) +
                  ", but a node was promoted for epoch " + std::to_string(static_cast<std::uint64_t>(promoted_)));
    }
}

void World::promoting(const std::string& portal, const std::string& name, const Record& record, Promotion promotion) {
    const bool first = record.phase == Phase::bootstrapping;
    const auto epoch = static_cast<std::uint64_t>(record.epoch) + (first ? 1 : 0);
    say(portal + " promotes " + name + " for epoch " + std::to_string(epoch));
    // With failsafe, another portal may forward to the old leader until the record names the new one: it can write
    // nothing there, and what it reads is not old before that.
    if (promotion != Promotion::handed_over || !options.failsafe) {
        promoted_ = std::max(promoted_, replication::Epoch{epoch});
    }
    if (first) {
        return;
    }
    if (!fenced_.contains(epoch)) {
        violation(portal + " promotes " + name + " for epoch " + std::to_string(epoch) +
                  ", which the store never held as fencing");
    }
    const auto& chosen = *node(name);
    if (promotion == Promotion::named_by_operator) {
        if (!named_.contains({record.epoch, name})) {
            violation(name + " is promoted as the operator's choice, who did not name it");
        }
        // He gives up what only the others have.
        std::erase_if(acknowledged_, [&](WriteId id) { return !chosen.holds(id); });
        return;
    }
    if (promotion == Promotion::handed_over) {
        return;
    }
    for (const auto& other : nodes) {
        const bool in_sync = names(record.in_sync, other->name());
        if (other->name() == name || !in_sync) {
            continue;
        }
        if (!names(record.in_sync, name) && other->keys() > 0) {
            violation(name + " is promoted though only " + other->name() + " is in sync and holds data");
        }
        if (chosen.keys() == 0 && other->keys() > 0) {
            violation(name + " is promoted empty while " + other->name() + " holds data");
        }
        const auto since = in_reach_since_.find(other->name());
        const bool in_reach = since != in_reach_since_.end() && events.now() - since->second > kInReach;
        if (in_reach && std::any_of(acknowledged_.begin(), acknowledged_.end(),
                                    [&](WriteId id) { return other->holds(id) && !chosen.holds(id); })) {
            violation(name + " is promoted without what " + other->name() + ", in sync and in reach, holds");
        }
    }
    excuse(chosen, record);
}

/// A change of leader begins. While nothing but busy nodes is wrong, it has a reason only after busy_after.
void World::look_at_change() {
    if (!options.nothing_but_busy || !record_) {
        return;
    }
    constexpr Time kOnItsWay{milliseconds(50)};  // the write of the record; clocks run at different rates, too
    const auto known = busy_.find(record_->leader);
    const auto busy = known == busy_.end() ? Busy{events.now(), Time(0)} : known->second;
    const bool still = events.now() - kOnItsWay < busy.until;
    if (!still || events.now() - busy.since < sentinel::Timing{}.busy_after - kOnItsWay) {
        violation(record_->leader + " is replaced though it is " + (still ? "busy for less than busy_after" : "well"));
    }
}

void World::acknowledged(WriteId id) {
    acknowledged_.push_back(id);
    ++outcome_.acknowledged;
}

/// Without proven writes, a node in sync that was restarted is promoted in two cases although it may lack what it had
/// confirmed: it has the offset that the record knows of it, which is as old as the acting portal's last renewal and so
/// older when the arbiter was away; or the others in sync stayed away for longer than the portals' patience. What its
/// restarts lost is lost then, and nothing else is excused.
void World::excuse(const Node& chosen, const Record& record) {
    const auto known = record.known.find(chosen.name());
    if (options.proven != sentinel::ProvenWrites::off || !names(record.in_sync, chosen.name()) ||
        known == record.known.end() || known->second.run_id == chosen.run_id()) {
        return;
    }
    outcome_.excused += std::erase_if(acknowledged_, [&](WriteId id) {
        return std::find(chosen.dropped().begin(), chosen.dropped().end(), id) != chosen.dropped().end();
    });
}

void World::look_for_losses() {
    const auto* leader = record_ ? node(record_->leader) : nullptr;
    if (leader == nullptr) {
        return;
    }
    std::vector<bool> held(writes_ + 1);
    for (const auto id : leader->log()) {
        if (id != 0 && held[id]) {
            violation("write " + std::to_string(id) + " was done twice");
            return;
        }
        held[id] = true;
    }
    std::size_t lost = 0;
    for (const auto id : acknowledged_) {
        lost += held[id] ? 0U : 1U;
    }
    if (lost > 0) {
        violation(std::to_string(lost) + " acknowledged writes lost");
    }
}

bool World::served_by_all() const {
    return record_ && record_->phase == Phase::leading && record_->in_sync.size() == nodes.size() &&
           std::all_of(portals.begin(), portals.end(),
                       [&](const auto& portal) { return !portal->running() || portal->serves() == record_->leader; });
}

}  // namespace portal::simulation
