#include "portal.hpp"
#include "world.hpp"

#include <algorithm>
#include <cstdio>

namespace portal::simulation {
using sentinel::Phase;

/// One node at a time loses data: until it is in sync and whole again, the others keep theirs, so that one in-sync node
/// survives. One that was restarted has left the set as soon as the portals have seen it.
bool World::may_damage(std::size_t index) const {
    const auto whole = [&](const Node& one) {
        const auto known = record_->known.find(one.name());
        return one.running() && known != record_->known.end() && known->second.run_id == one.run_id() &&
               std::all_of(acknowledged_.begin(), acknowledged_.end(), [&](WriteId id) { return one.holds(id); });
    };
    const bool stable = record_ && record_->phase == Phase::leading && record_->in_sync.size() >= 2 &&
                        names(record_->in_sync, nodes[index]->name()) &&
                        std::all_of(record_->in_sync.begin(), record_->in_sync.end(),
                                    [&](const std::string& name) { return whole(*node(name)); });
    return stable;
}

void World::break_node(std::size_t index) {
    auto& broken = *nodes[index];
    if (!broken.running()) {
        return;
    }
    in_reach_since_.erase(broken.name());
    const auto heal = [this, name = broken.name()] {
        if (node(name)->running() && !node(name)->paused) {
            in_reach_since_[name] = events.now();
        }
    };
    if (chance.happens(0.45)) {
        say("pauses " + broken.name());
        broken.paused = true;
        events.at(later(milliseconds(100), milliseconds(6000)), [this, &broken, heal] {
            if (broken.paused) {
                say("resumes " + broken.name());
                resume(broken);
            }
            heal();
        });
        return;
    }
    auto how = Restart::kept;
    if (may_damage(index) && chance.happens(0.5)) {
        how = chance.happens(0.5) ? Restart::empty : Restart::rewound;
    }
    const bool remembers = chance.happens(0.5);
    say("kills " + broken.name());
    broken.crash();
    const auto away =
        chance.happens(0.3) ? later(milliseconds(5), milliseconds(100)) : later(milliseconds(100), milliseconds(9000));
    events.at(away, [this, &broken, how, remembers, heal] {
        if (broken.running()) {
            return;
        }
        say("starts " + broken.name() + (how == Restart::empty ? " empty" : how == Restart::rewound ? " rewound" : ""));
        broken.moment = events.now();
        broken.restart(how, remembers);
        heal();
    });
}

/// A slow command: the process serves nobody, its machine acknowledges what it is sent.
void World::keep_busy(std::size_t index) {
    auto& busy = *nodes[index];
    if (!busy.running() || busy.paused) {
        return;
    }
    say("keeps " + busy.name() + " busy");
    in_reach_since_.erase(busy.name());
    busy.paused = busy.acknowledges = true;
    busy_[busy.name()] = {events.now(), Time::max()};
    events.at(later(milliseconds(200), options.busy_most), [this, &busy] {
        if (busy.acknowledges) {
            say(busy.name() + " is busy no longer");
            resume(busy);
            in_reach_since_[busy.name()] = events.now();
        }
    });
}

/// The address that the portals have for a node is that of another one, for a while.
void World::mislead(std::size_t index) {
    const auto other = chance.below(nodes.size());
    if (other == index || !misled_.empty()) {
        return;
    }
    say("the address of " + nodes[index]->name() + " leads to " + nodes[other]->name());
    misled_[index] = other;
    events.at(later(milliseconds(100), milliseconds(8000)), [this, index] {
        say("the address of " + nodes[index]->name() + " is right again");
        misled_.erase(index);
    });
}

void World::break_portal(std::size_t index) {
    auto& broken = *portals[index];
    if (!broken.running() || broken.paused()) {
        return;
    }
    if (chance.happens(0.6)) {
        say("pauses " + broken.name());
        broken.pause();
        events.at(later(milliseconds(20), milliseconds(9000)), [this, &broken] {
            say("resumes " + broken.name());
            broken.resume();
        });
    } else {
        say("kills " + broken.name());
        broken.crash();
        events.at(later(milliseconds(20), milliseconds(7000)), [this, &broken] {
            if (!mended_) {
                say("starts " + broken.name());
                broken.start();
            }
        });
    }
}

void World::break_network() {
    const auto places = place_of_store() + 1;
    const auto a = chance.below(places);
    std::set<std::pair<std::size_t, std::size_t>> cut;
    if (chance.happens(0.3)) {
        for (std::size_t b = 0; b < places; ++b) {
            if (b != a) {
                cut.insert({a, b});
                cut.insert({b, a});
            }
        }
        say("isolates place " + std::to_string(a));
    } else if (const auto b = chance.below(places); b != a) {
        cut.insert({a, b});
        if (chance.happens(0.6)) {
            cut.insert({b, a});
        }
        say("cuts place " + std::to_string(a) + (cut.size() > 1 ? " from place " : " towards place ") +
            std::to_string(b));
    } else {
        loss_ = 0.2;
        say("loses packets");
        events.at(later(milliseconds(500), milliseconds(4000)), [this] { loss_ = 0; });
        return;
    }
    for (const auto& one : nodes) {
        in_reach_since_.erase(one->name());
    }
    for (const auto& way : cut) {
        cut_.insert(way);
    }
    events.at(later(milliseconds(100), milliseconds(chance.happens(0.2) ? 15000 : 6000)), [this, cut] {
        for (const auto& way : cut) {
            cut_.erase(way);
        }
        say("joins the network again");
        for (const auto& one : nodes) {
            if (cut_.empty() && one->running() && !one->paused) {
                in_reach_since_[one->name()] = events.now();
            }
        }
    });
}

void World::break_store() {
    store_state_ = static_cast<StoreState>(1 + chance.below(3));
    say(store_state_ == StoreState::slow       ? "slows the store down"
        : store_state_ == StoreState::refusing ? "stops the store"
                                               : "silences the store");
    events.at(later(milliseconds(200), milliseconds(7000)), [this] {
        store_state_ = StoreState::fine;
        say("the store is back");
    });
}

void World::break_something() {
    if (events.now() > options.faults_for) {
        return;
    }
    ++outcome_.faults;
    const auto& weights = options.weights;
    auto dice = chance.below(weights.node + weights.portal + weights.network + weights.store + weights.lag +
                             weights.switchover + weights.busy + weights.misled);
    const auto falls_on = [&dice](unsigned weight) {
        const bool here = dice < weight;
        dice -= weight;
        return here;
    };
    if (falls_on(weights.node)) {
        break_node(chance.below(nodes.size()));
    } else if (falls_on(weights.portal)) {
        break_portal(chance.below(portals.size()));
    } else if (falls_on(weights.network)) {
        break_network();
    } else if (falls_on(weights.busy)) {
        keep_busy(chance.below(nodes.size()));
    } else if (falls_on(weights.misled)) {
        mislead(chance.below(nodes.size()));
    } else if (falls_on(weights.store)) {
        break_store();
    } else if (falls_on(weights.lag)) {
        lag_ = chance.happens(0.5) ? Time(milliseconds(20)) : Time(milliseconds(400));
    } else if (record_) {
        const auto target = chance.below(nodes.size() + 1);
        portals[chance.below(portals.size())]->ask_switchover(target == nodes.size() ? "" : nodes[target]->name());
    }
    events.at(later(milliseconds(200), options.rest_between_faults), [this] { break_something(); });
}

void World::mend_everything() {
    mended_ = true;
    say("all faults end");
    cut_.clear();
    misled_.clear();
    loss_ = 0;
    lag_ = milliseconds(20);
    store_state_ = StoreState::fine;
    for (const auto& node : nodes) {
        node->moment = events.now();
        if (!node->running()) {
            node->restart(Restart::kept, true);
        } else if (node->paused) {
            resume(*node);
        }
    }
    // One portal may be gone for good.
    const auto gone = chance.happens(0.3) ? chance.below(portals.size()) : portals.size();
    for (std::size_t i = 0; i < portals.size(); ++i) {
        auto& portal = *portals[i];
        if (portal.paused()) {
            portal.resume();
        }
        if (i == gone) {
            portal.crash();
        } else if (!portal.running()) {
            portal.start();
        }
    }
}

}  // namespace portal::simulation
