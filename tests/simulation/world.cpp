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

double in_seconds(Time time) {
    return std::chrono::duration<double>(time).count();
}

}  // namespace

World::World(Options chosen) : chance(chosen.seed), options(chosen) {
    timing.failsafe = options.failsafe;
    const bool patient = options.busy && options.without != Without::patience_with_the_busy;
    timing.busy_after = patient ? timing.busy_after : sentinel::Milliseconds(0);
    timing.proven = options.proven;
    if (options.proven != sentinel::ProvenWrites::off) {
        timing.patience = sentinel::Milliseconds::max();  // as the monitor sets it
    }
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

std::size_t World::index_of(const std::string& name) const {
    std::size_t index = 0;
    while (nodes[index]->name() != name) {
        ++index;
    }
    return reached(index);
}

std::size_t World::reached(std::size_t index) const {
    const auto misled = misled_.find(index);
    return misled == misled_.end() ? index : misled->second;
}

void World::told_to_follow_itself(const std::string& node) {
    violation(node + " is told to follow itself");
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
    node.paused = node.acknowledges = false;
    busy_[node.name()].until = events.now();
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
        if (fenced_.insert(epoch).second) {
            look_at_change();
        }
    }
    if (record.phase == Phase::leading) {
        const auto [led, first] = leaders_.try_emplace(epoch, record.leader);
        if (!first && led->second != record.leader) {
            violation("two leaders in epoch " + std::to_string(epoch) + ": " + led->second + " and " + record.leader);
        }
        if (first) {
            ++outcome_.failovers;
            if (record_ && record_->leader != record.leader) {
                promoted_ = std::max(promoted_, record.epoch);
            }
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
        // What broke in the last moment has not been seen by all before that.
        if (events.now() - mended_at >= milliseconds(1000) && served_by_all()) {
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