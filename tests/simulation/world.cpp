#include "world.hpp"

#include "portal.hpp"

#include <algorithm>
#include <cstdio>

namespace portal::simulation {
using sentinel::Phase;
using sentinel::Record;
using sentinel::WriteStatus;

namespace {

constexpr Time kRetransmission{milliseconds(200)};
/// Nothing was wrong with a node for so long: a failover that sees it must heed it.
constexpr Time kInReach{seconds(4)};

bool names(const std::vector<std::string>& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

double in_seconds(Time time) {
    return std::chrono::duration<double>(time).count();
}

}  // namespace

World::World(Options chosen) : chance(chosen.seed), options(chosen) {
    timing.failsafe = options.failsafe;
    for (std::size_t i = 0; i < options.nodes; ++i) {
        nodes.push_back(std::make_unique<Node>("redis-" + std::to_string(i), chance));
    }
    for (std::size_t i = 0; i < options.portals; ++i) {
        const auto drift = in_seconds(chance.between(Time(-1000), Time(1000))) * 1e6 * options.drift;
        portals.push_back(std::make_unique<Portal>(*this, i, 1.0 + drift));
    }
}

World::~World() = default;

Node* World::node(const std::string& name) const {
    const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const auto& one) { return one->name() == name; });
    return found == nodes.end() ? nullptr : found->get();
}

Time World::later(Time from, Time to) {
    return events.now() + chance.between(from, to);
}

void World::say(const std::string& sentence) {
    if (options.trace) {
        std::printf("%9.4f %s\n", in_seconds(events.now()), sentence.c_str());
    }
}

void World::violation(const std::string& what) {
    char time[32];
    std::snprintf(time, sizeof time, "%.4f s: ", in_seconds(events.now()));
    outcome_.violations.push_back(time + what);
    say("VIOLATION " + what);
}

// ---- the network

void World::send(std::size_t from, std::size_t to, Time expires, std::function<void()> what) {
    const auto delay = chance.happens(loss_) ? kRetransmission + chance.between(Time(0), kRetransmission)
                                             : chance.between(microseconds(100), microseconds(900));
    events.after(delay, [this, from, to, expires, what = std::move(what)]() mutable {
        if (events.now() > expires) {
            return;
        }
        if (open(from, to)) {
            what();
        } else {
            events.after(kRetransmission / 2, [this, from, to, expires, what = std::move(what)]() mutable {
                send(from, to, expires, std::move(what));
            });
        }
    });
}

void World::ask_node(std::size_t from, std::size_t index, Time expires, std::function<void()> what,
                     std::function<void()> refused) {
    send(from, index, expires, [this, from, index, expires, what = std::move(what), refused = std::move(refused)] {
        auto& asked = *nodes[index];
        if (!asked.running()) {
            send(index, from, expires, refused);
        } else if (asked.paused) {
            asked.waiting.push_back(what);
        } else {
            asked.moment = events.now();
            what();
        }
    });
}

void World::resume(Node& node) {
    node.paused = false;
    node.moment = events.now();
    for (auto& what : std::exchange(node.waiting, {})) {
        what();
    }
}

void World::replicate(std::size_t index) {
    auto& replica = *nodes[index];
    replica.moment = events.now();
    if (replica.running() && !replica.paused) {
        auto* leader = node(replica.leader());
        std::size_t place = index;
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            if (nodes[i].get() == leader) {
                place = i;
            }
        }
        if (leader != nullptr) {
            leader->moment = events.now();
        }
        replica.follow(leader, open(place, index), open(index, place), events.now());
        replica.ping(events.now());
    }
    // A leader notices the end of a connection, if the network lets it.
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        if ((!replica.running() || replica.leader() != nodes[i]->name()) && open(index, i)) {
            nodes[i]->forget(replica.name());
        }
    }
    events.after(chance.between(milliseconds(5), lag_), [this, index] { replicate(index); });
}

// ---- the store

sentinel::Snapshot World::snapshot() const {
    sentinel::Snapshot snapshot{record_, version_ == 0 ? "" : std::to_string(version_), {}};
    for (const auto& [name, mark] : marks_) {
        snapshot.marks.push_back(mark);
    }
    return snapshot;
}

WriteStatus World::swap(Record record, const std::string& expected, std::string& version) {
    const auto current = version_ == 0 ? "" : std::to_string(version_);
    if (expected != current && options.without != Without::compare_and_swap) {
        return WriteStatus::conflict;
    }
    const auto epoch = static_cast<std::uint64_t>(record.epoch);
    if (record_ && record.epoch < record_->epoch) {
        violation("the record went back to epoch " + std::to_string(epoch));
    }
    if (record.phase == Phase::fencing) {
        fenced_.insert(epoch);
    }
    if (record.phase == Phase::leading) {
        const auto [led, first] = leaders_.try_emplace(epoch, record.leader);
        if (!first && led->second != record.leader) {
            violation("two leaders in epoch " + std::to_string(epoch) + ": " + led->second + " and " + record.leader);
        }
        if (first) {
            ++outcome_.failovers;
            say("recorded: " + record.leader + " leads epoch " + std::to_string(epoch) + ": " + record.reason);
        }
    }
    if (options.trace && (!record_ || record_->phase != record.phase || record_->acting != record.acting ||
                          record_->in_sync != record.in_sync)) {
        std::string in_sync;
        for (const auto& name : record.in_sync) {
            in_sync += " " + name;
        }
        say("record: epoch " + std::to_string(epoch) + " " + std::string(to_string(record.phase)) + " " +
            record.leader + " acting " + record.acting + " in sync" + in_sync);
    }
    record_ = std::move(record);
    version = std::to_string(++version_);
    changed();
    return WriteStatus::written;
}

void World::put_mark(const sentinel::Mark& mark) {
    marks_[mark.portal] = mark;
    changed();
}

void World::changed() {
    for (std::size_t i = 0; i < portals.size(); ++i) {
        // A watch may miss something.
        if (!chance.happens(0.02)) {
            send(place_of_store(), place_of_portal(i), events.now() + seconds(1),
                 [this, i] { portals[i]->store_changed(); });
        }
    }
}

// ---- what must not happen

void World::forwards(const std::string& portal, const std::string& leader, replication::Epoch epoch) {
    if (epoch < promoted_) {
        violation(portal + " forwards to " + leader + " of epoch " + std::to_string(static_cast<std::uint64_t>(epoch)) +
                  ", but a node was promoted for epoch " + std::to_string(static_cast<std::uint64_t>(promoted_)));
    }
}

void World::promoting(const std::string& portal, const std::string& name, const Record& record, bool by_hand) {
    const bool first = record.phase == Phase::bootstrapping;
    const auto epoch = static_cast<std::uint64_t>(record.epoch) + (first ? 1 : 0);
    say(portal + " promotes " + name + " for epoch " + std::to_string(epoch));
    promoted_ = std::max(promoted_, replication::Epoch{epoch});
    if (first) {
        return;
    }
    if (!fenced_.contains(epoch)) {
        violation(portal + " promotes " + name + " for epoch " + std::to_string(epoch) +
                  ", which the store never held as fencing");
    }
    if (by_hand) {
        if (!names(record.in_sync, name)) {
            // The operator gives up what only the others have.
            acknowledged_.clear();
        }
        return;
    }
    const auto& chosen = *node(name);
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
}

void World::acknowledged(WriteId id) {
    acknowledged_.push_back(id);
    ++outcome_.acknowledged;
}

void World::look_for_losses() {
    const auto* leader = record_ ? node(record_->leader) : nullptr;
    if (leader == nullptr) {
        return;
    }
    std::vector<bool> held(writes_ + 1);
    for (const auto id : leader->log()) {
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

// ---- faults

/// One node at a time loses data: until it is in sync and whole again, the others keep theirs, so that one in-sync node
/// survives.
bool World::may_damage(std::size_t index) const {
    const auto whole = [&](const Node& one) {
        return one.running() &&
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
                             weights.switchover);
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

Outcome World::run() {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        events.at(milliseconds(i), [this, i] { replicate(i); });
        in_reach_since_[nodes[i]->name()] = Time(0);
    }
    for (const auto& portal : portals) {
        events.at(later(milliseconds(0), milliseconds(300)), [&portal] { portal->start(); });
    }
    events.at(seconds(3), [this] { break_something(); });
    events.at(options.faults_for, [this] { mend_everything(); });
    const auto mended_at = options.faults_for;
    while (events.now() < mended_at + options.mended_within && outcome_.violations.empty() && events.step()) {
        if (mended_ && served_by_all()) {
            break;
        }
    }
    outcome_.lasted = events.now();
    outcome_.steps = events.steps();
    outcome_.mended_after = events.now() - mended_at;
    if (outcome_.violations.empty()) {
        if (served_by_all()) {
            look_for_losses();
        } else {
            violation("no leader is served by all portals");
            for (const auto& portal : portals) {
                say(portal->describe());
            }
            for (const auto& one : nodes) {
                say(one->describe(events.now()));
            }
        }
    }
    return outcome_;
}

}  // namespace portal::simulation
