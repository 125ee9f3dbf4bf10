// Proven writes: the product's WriteProof, on a simulated link of its own, as in proxy/upstream/proof_link.cpp.
#include "portal.hpp"

#include <algorithm>
#include <utility>

namespace portal::simulation {
using upstream::LeaderRole;

namespace {

constexpr Time kRound{milliseconds(250)};
constexpr Time kPoll{milliseconds(3)};
/// The network carries what is on its way for as long as the connection lasts.
constexpr Time kConnection{seconds(600)};

/// What the node would say to ROLE.
std::optional<LeaderRole> role_of(const Node& node, Time now) {
    const auto report = node.info(now);
    if (report.role != replication::Role::leader) {
        return std::nullopt;
    }
    LeaderRole role{report.offset, {}};
    for (const auto& replica : report.replicas) {
        if (replica.state == "online") {
            role.replicas.push_back({replica.endpoint.host, replica.endpoint.port, replica.offset});
        }
    }
    return role;
}

}  // namespace

bool Portal::permitted() const {
    return life_->finishing || life_->permit.valid(now()) || world_.options.without == Without::expiry_of_the_permit;
}

void Portal::require(const replication::Topology& topology) {
    auto confirmers = topology.confirming;
    if (world_.options.without == Without::the_word_of_the_joining) {
        std::erase_if(confirmers, [&](const auto& one) { return !names(topology.in_sync, one.name); });
    }
    life_->proof->require(std::move(confirmers));
    begin_round();
}

void Portal::connect_proof() {
    if (life_->proof->has_link() || life_->proof_leader.empty()) {
        return;
    }
    life_->proof->link_opened();
    const auto link = ++life_->proof_links;
    const auto index = world_.index_of(life_->proof_leader);
    world_.ask_node(
        place(), index, world_.events.now() + kConnection,
        [this, index, link, life = std::weak_ptr<Life>(life_)] {
            const auto& node = *world_.nodes[index];
            const bool leads = node.leads();
            const auto answer = [this, link, leads, run = node.run_id()] {
                if (life_->proof_links != link) {
                    return;
                }
                if (!leads) {
                    lose_proof();
                    return;
                }
                life_->proof_run = run;
                life_->proof->link_ready();
                begin_round();
            };
            world_.send(index, place(), world_.events.now() + kConnection, within(life, answer));
        },
        here([this, link] {
            if (life_->proof_links == link) {
                lose_proof();
            }
        }));
}

/// Whoever waited is told that nobody knows.
void Portal::lose_proof() {
    if (!life_->proof || !life_->proof->has_link()) {
        return;
    }
    ++life_->proof_links;
    life_->proof_run.clear();
    std::erase_if(life_->flying, [](const auto& one) { return one.second.ticket != upstream::Ticket{0}; });
    life_->proof->link_lost();
}

void Portal::keep_proof() {
    if (life_->routed && life_->routed->leader) {
        const auto index = world_.index_of(life_->proof_leader);
        const auto& node = *world_.nodes[index];
        // The end of the process at the other end is seen as soon as the network lets it.
        const bool other_process = !node.running() || (!life_->proof_run.empty() && node.run_id() != life_->proof_run);
        if (other_process && world_.open(place(), index) && world_.open(index, place())) {
            lose_proof();
        }
        connect_proof();
    }
    if (life_->proof->release_unrequired(permitted())) {
        release();
    }
    begin_round();
}

void Portal::begin_round() {
    auto& proof = *life_->proof;
    if (proof.release_unrequired(permitted())) {
        release();
    }
    if (!proof.round_due() || !permitted()) {
        return;
    }
    const auto replicas = proof.begin(now());
    const auto index = world_.index_of(life_->proof_leader);
    world_.ask_node(
        place(), index, world_.events.now() + kConnection,
        [this, index, replicas, link = life_->proof_links, run = life_->proof_run, life = std::weak_ptr<Life>(life_)] {
            auto& node = *world_.nodes[index];
            const auto before = role_of(node, world_.events.now());
            if (node.run_id() != run || life.expired()) {
                return;  // the connection ended with its process
            }
            node.ask_replicas(world_.events.now());
            wait_for_replicas(life, {index, link, run, before, replicas, world_.events.now() + kRound});
        },
        [] {});
}

/// At the leader: WAIT, and ROLE behind it.
void Portal::wait_for_replicas(std::weak_ptr<Life> life, Round round) {
    const auto& node = *world_.nodes[round.index];
    if (!node.running() || node.run_id() != round.run || life.expired()) {
        return;
    }
    const auto now_there = node.paused ? std::nullopt : role_of(node, world_.events.now());
    std::uint64_t waited = 0;
    if (now_there && round.before) {
        waited = static_cast<std::uint64_t>(std::ranges::count_if(
            now_there->replicas, [&](const auto& replica) { return replica.offset >= round.before->offset; }));
    }
    // A node that loses its role ends the WAIT of its clients.
    const bool over = !node.paused && (!now_there || waited >= round.replicas || world_.events.now() >= round.until);
    if (!over) {
        world_.events.after(kPoll, [this, life, round] { wait_for_replicas(life, round); });
        return;
    }
    world_.send(round.index, place(), world_.events.now() + kConnection, within(life, [this, round, waited, now_there] {
                    if (life_->proof_links != round.link) {
                        return;
                    }
                    auto& proof = *life_->proof;
                    proof.note_offset(round.before);
                    proof.note_waited(waited);
                    if (proof.finish(now_there, permitted(), now())) {
                        release();
                    }
                    if (proof.due_at_once()) {
                        begin_round();
                    }
                }));
}

void Portal::release() {
    std::vector<WriteId> proven;
    for (const auto& [id, write] : life_->flying) {
        if (write.ticket != upstream::Ticket{0} && write.ticket <= life_->proof->proven()) {
            proven.push_back(id);
        }
    }
    for (const auto id : proven) {
        acknowledge(id);
    }
}

}  // namespace portal::simulation
