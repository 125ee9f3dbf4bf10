// The data path: writes go to the leader, their replies to clients.
#include "portal.hpp"

#include <algorithm>
#include <utility>

namespace portal::simulation {

namespace {

/// As the shards: how long requests in flight may still be answered once forwarding has stopped.
constexpr Time kFenceGrace{milliseconds(100)};

}  // namespace

void Portal::route(replication::TopologyPtr topology, std::uint64_t serial) {
    const bool stops = !topology->leader;
    const bool new_epoch = life_->routed && life_->routed->epoch != topology->epoch;
    const bool slept = life_->routed && topology->epoch > replication::next(life_->routed->epoch);
    life_->routed = std::move(topology);
    const auto& routed = *life_->routed;
    if (stops) {
        if (slept) {
            life_->flying.clear();
            lose_proof();
        } else if (life_->proof && routed.fencing) {
            life_->finishing = true;
            require(routed);
        }
        drain(serial, world_.events.now() + kFenceGrace);
        return;
    }
    life_->finishing = false;
    // Links to any other leader are gone; what they carried is in doubt. So are those that an earlier epoch left.
    const bool same = routed.leader->name == life_->proof_leader;
    if (!same || new_epoch) {
        lose_proof();
    }
    std::erase_if(life_->flying, [&](const auto& one) { return one.second.epoch != routed.epoch; });
    if (life_->proof) {
        life_->proof_leader = routed.leader->name;
        require(routed);
        connect_proof();
    }
    life_->standing.applied(serial);
    wake();
}

void Portal::drain(std::uint64_t serial, Time until) {
    if (!life_->flying.empty() && world_.events.now() < until) {
        world_.events.after(milliseconds(2), here([this, serial, until] { drain(serial, until); }));
        return;
    }
    if (life_->routed->leader) {
        return;  // another leader came meanwhile
    }
    life_->flying.clear();
    lose_proof();
    life_->proof_leader.clear();
    life_->standing.applied(serial);
    wake();
}

void Portal::forward() {
    world_.events.after(world_.chance.between(milliseconds(20), milliseconds(60)), here([this] { forward(); }));
    const auto& routed = life_->routed;
    const bool permitted = life_->permit.valid(now()) || world_.options.without == Without::expiry_of_the_permit;
    if (!routed || !routed->leader || !permitted || (life_->proof && !life_->proof->open())) {
        return;
    }
    world_.forwards(name_, routed->leader->name, routed->epoch);
    const auto id = world_.next_write();
    life_->flying[id] = {routed->leader->name, routed->epoch};
    const auto index = world_.index_of(routed->leader->name);
    world_.ask_node(
        place(), index, world_.events.now() + seconds(20),
        [this, id, index, life = std::weak_ptr<Life>(life_)] {
            if (world_.nodes[index]->write(id)) {
                world_.send(index, place(), world_.events.now() + seconds(20),
                            within(life, [this, id] { answered(id); }));
            }
        },
        here([this, id] { life_->flying.erase(id); }));
}

void Portal::answered(WriteId id) {
    const auto flying = life_->flying.find(id);
    if (flying == life_->flying.end()) {
        return;
    }
    flying->second.answered = true;
    if (world_.options.without == Without::proof_by_the_replica) {
        acknowledge(id);
    } else if (life_->proof) {
        using Place = upstream::WriteProof::Place;
        switch (life_->proof->place(permitted())) {
            case Place::pass:
                acknowledge(id);
                break;
            case Place::lost:
                life_->flying.erase(flying);
                break;
            case Place::wait:
                flying->second.ticket = life_->proof->gathering();
                begin_round();
        }
    }
}

void Portal::acknowledge(WriteId id) {
    const auto flying = life_->flying.find(id);
    world_.acknowledged(id);
    served_ = flying->second.leader;
    served_at_ = world_.events.now();
    life_->flying.erase(flying);
}

/// With proven writes, the tick of the proof's link. Without: acknowledges what the leader answered and every node of
/// the in-sync set has; one replica at least.
void Portal::prove() {
    world_.events.after(milliseconds(15), here([this] { prove(); }));
    if (life_->proof) {
        keep_proof();
        return;
    }
    const auto& routed = life_->routed;
    if (!routed) {
        return;
    }
    for (auto flying = life_->flying.begin(); flying != life_->flying.end();) {
        const auto& write = flying->second;
        const bool proven = write.answered && write.epoch == routed->epoch && routed->in_sync.size() > 1 &&
                            std::all_of(routed->in_sync.begin(), routed->in_sync.end(), [&](const std::string& name) {
                                return world_.node(name)->holds(flying->first);
                            });
        if (!proven) {
            ++flying;
            continue;
        }
        const auto id = flying->first;
        ++flying;
        acknowledge(id);
    }
}

}  // namespace portal::simulation
