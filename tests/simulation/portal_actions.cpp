#include "portal.hpp"

#include <algorithm>
#include <utility>

namespace portal::simulation {
using sentinel::Decision;
using sentinel::Milliseconds;
using sentinel::Observation;
using sentinel::Phase;
using sentinel::ProbeResult;

namespace {

constexpr Milliseconds kHandOverTime{1000};
constexpr std::chrono::minutes kBeyond{1};  // as NodeProbe: a question that has waited for too long is kept

}  // namespace

// What the portal says to nodes, as in sentinel/monitor_actions.cpp and node_probe.cpp.

Task<bool> Portal::act(Decision decision) {
    life_->look_again = decision.look_again;
    if (!decision.why.empty() && life_->why != decision.why) {
        world_.say(name_ + ": " + decision.why);
    }
    life_->why = decision.why;
    bool changed = false;
    for (auto& action : decision.actions) {
        const bool one = co_await carry_out(std::move(action));
        changed = changed || one;
    }
    co_return changed;
}

Task<bool> Portal::carry_out(sentinel::Action action) {
    auto& failover = life_->failover;
    const bool named = life_->why.find("chosen by the operator") != std::string::npos;
    if (auto* write = std::get_if<sentinel::WriteRecord>(&action)) {
        const bool leads = write->next.phase == Phase::leading && life_->standing.record()->phase != Phase::leading;
        if (leads && named) {  // it leads already, by a command that came late or by itself
            world_.promoting(name_, write->next.leader, *life_->standing.record(), World::Promotion::named_by_operator);
        }
        const bool written = co_await commit(std::move(write->next), name_);
        if (written && leads) {
            failover.recorded(now());
        }
        co_return written;
    }
    if (auto* chosen = std::get_if<sentinel::Promote>(&action)) {
        const auto name = chosen->node;
        const auto promotion = named ? World::Promotion::named_by_operator : World::Promotion::chosen;
        const auto outcome = co_await tell_to_lead(name, promotion);
        if (!outcome.error.empty()) {
            failover.promotion_failed(name, outcome.error, now());
            co_return true;
        }
        accept(*find(name), outcome);
        co_return true;
    }
    if (auto* follow = std::get_if<sentinel::Follow>(&action)) {
        const auto name = follow->step.node;
        const auto leader = replication_target(follow->step.leader->host);
        const bool looks =
            world_.options.without != Without::the_look_for_twins && life_->standing.record()->phase == Phase::leading;
        const auto* leading = find(life_->standing.record()->leader);
        const auto& report = leading->account.view().report;
        const auto leader_run = looks && report ? report->run_id : std::string();
        std::function<void(Node&)> replicaof = [this, leader, leader_run](Node& node) {
            if (node.run_id() == leader_run) {
                return;
            }
            if (node.name() == leader) {
                world_.told_to_follow_itself(leader);
            }
            node.replicaof(leader);
        };
        const auto outcome = co_await command(name, std::move(replicaof));
        if (outcome.error.empty()) {
            probe_now(name);
        }
        co_return false;
    }
    if (auto* move = std::get_if<sentinel::HandOver>(&action)) {
        const bool done = co_await hand_over(*move);
        co_return done;
    }
    if (std::holds_alternative<sentinel::GiveAway>(action)) {
        world_.say(name_ + " gives the acting role away");
        auto unheld = *life_->standing.record();
        std::string nobody;
        const bool given = co_await commit(std::move(unheld), std::move(nobody));
        if (given) {
            life_->standing.gave_away(now());
        }
        co_return given;
    }
    probe_now(std::get<sentinel::ProbeNow>(action).node);
    co_return false;
}

/// One command to a node and its report afterwards, within `down_after`; late, it may still be executed.
Task<Portal::Outcome> Portal::command(std::string name, std::function<void(Node&)> what) {
    auto slot = std::make_shared<Slot<Outcome>>();
    const auto asked_at = now();
    const auto expires = world_.events.now() + true_time(world_.timing.down_after);
    const auto index = world_.index_of(name);
    world_.ask_node(
        place(), index, expires,
        [this, slot, index, asked_at, expires, what, life = std::weak_ptr<Life>(life_)] {
            auto& node = *world_.nodes[index];
            what(node);
            Outcome outcome{{}, node.info(world_.events.now()), asked_at};
            world_.send(index, place(), expires, within(life, [slot, outcome] { slot->fill(outcome); }));
        },
        here([slot] {
            slot->fill({"refused", std::nullopt, {}});
        }));
    later(world_.timing.down_after, [slot] { slot->fill({"no answer in time", std::nullopt, {}}); });
    const Wait<Outcome> wait{slot.get()};
    auto outcome = co_await wait;
    co_return outcome;
}

Task<Portal::Outcome> Portal::tell_to_lead(std::string node, World::Promotion promotion) {
    world_.promoting(name_, node, *life_->standing.record(), promotion);
    std::function<void(Node&)> lead = [](Node& chosen) { chosen.lead(); };
    auto outcome = co_await command(node, std::move(lead));
    if (outcome.error.empty() && outcome.report->role != replication::Role::leader) {
        outcome.error = "it does not lead";
    }
    co_return outcome;
}

Task<bool> Portal::hand_over(sentinel::HandOver move) {
    using Command = std::function<void(Node&)>;
    const auto pause = kHandOverTime + std::max(kHandOverTime, world_.timing.down_after) + move.guarded;
    const auto pause_until = world_.events.now() + true_time(pause);
    Command pause_writes = [pause_until](Node& node) { node.writes_paused_until = pause_until; };
    const auto paused = co_await command(move.from, std::move(pause_writes));
    Outcome outcome{paused.error, std::nullopt, {}};
    const auto give_up = now() + kHandOverTime;
    bool may_write = true;
    while (outcome.error.empty() && now() < give_up) {
        Command look_at_leader = [](Node&) {};
        Command look_at_replica = [](Node&) {};
        const auto leading = co_await command(move.from, std::move(look_at_leader));
        const auto following = co_await command(move.to, std::move(look_at_replica));
        if (!leading.report || !following.report) {
            outcome.error = leading.error + following.error;
            break;
        }
        if (following.report->offset >= leading.report->offset && following.report->link_up) {
            outcome = co_await tell_to_lead(move.to, World::Promotion::handed_over);
            may_write = false;
            break;
        }
        auto rest = std::make_shared<Slot<bool>>();
        const auto until = now() + Milliseconds(3);
        co_await sleep(until, std::move(rest));
    }
    if (outcome.error.empty() && !outcome.report) {
        outcome.error = "it did not catch up";
    }
    if (outcome.error.empty()) {
        Command replicaof = [this, leader = replication_target(move.to)](Node& node) {
            if (node.name() == leader) {
                world_.told_to_follow_itself(leader);
            }
            node.replicaof(leader);
        };
        const auto refused = co_await command(move.from, std::move(replicaof));
        may_write = refused.error.empty();
    }
    if (may_write) {
        Command unpause = [](Node& node) { node.writes_paused_until = Time{0}; };
        (void)co_await command(move.from, std::move(unpause));
    }
    life_->failover.handed_over(outcome.error, outcome.error.empty() ? outcome.asked_at : now());
    if (outcome.error.empty()) {
        accept(*find(move.to), outcome);
        probe_now(move.from);
    }
    co_return true;
}

/// The process at the address that stands under that name; nobody listens where no node is.
std::string Portal::replication_target(const std::string& host) const {
    return world_.node(host) == nullptr ? host : world_.nodes[world_.index_of(host)]->name();
}

void Portal::accept(Watched& node, const Outcome& outcome) {
    observe(
        {node.account.view().node.name, ProbeResult::answered, outcome.asked_at, now(), {}, outcome.report, {}, {}});
}

void Portal::observe(Observation observation) {
    if (observation.report && world_.options.without == Without::the_look_for_twins) {
        observation.report->run_id += "@" + observation.node;
    }
    find(observation.node)->account.note(observation);
    wake();
}

// ---- probes, as in sentinel/node_probe.cpp

Portal::Watched* Portal::find(const std::string& name) {
    const auto found = std::find_if(life_->nodes.begin(), life_->nodes.end(),
                                    [&](const Watched& node) { return node.account.view().node.name == name; });
    return found == life_->nodes.end() ? nullptr : &*found;
}

void Portal::probe_now(const std::string& name) {
    if (auto* node = find(name); node != nullptr) {
        node->again = true;
        if (node->rest) {
            world_.events.after(microseconds(10), here([slot = node->rest] { slot->fill(true); }));
        }
    }
}

/// While a question waits, as ControlLink's vigil.
void Portal::look_after(std::shared_ptr<Question> question, SlotPtr<Observation> slot) {
    const auto every = std::min(world_.timing.ping_interval, world_.timing.down_after / 5);
    later(every, [this, question, slot] {
        if (slot->value) {
            return;
        }
        const auto& asked = *question;
        const auto present = now();
        const auto down_after = world_.timing.down_after;
        if (present - asked.asked_at >= down_after && present - asked.signs.acknowledged_at >= down_after) {
            slot->fill(
                {asked.node, ProbeResult::silent, asked.asked_at, present, "no answer in time", std::nullopt, {}, {}});
            return;
        }
        observe({asked.node, ProbeResult::waiting, asked.asked_at, present, {}, std::nullopt, {}, asked.signs});
        question->signs.outstanding = true;
        const auto expires = world_.events.now() + true_time(down_after);
        world_.send(place(), asked.index, expires, [this, question, slot, expires, life = std::weak_ptr<Life>(life_)] {
            const auto& node = *world_.nodes[question->index];
            const bool there = node.running() && node.run_id() == question->run;
            if (there && node.paused && !node.acknowledges) {
                return;  // the whole machine is stopped
            }
            world_.send(question->index, place(), expires, within(life, [this, question, slot, there] {
                            question->signs.acknowledged_at = now();
                            question->signs.outstanding = false;
                            if (!there) {
                                slot->fill({question->node,
                                            ProbeResult::broken,
                                            question->asked_at,
                                            now(),
                                            "connection reset",
                                            std::nullopt,
                                            {},
                                            {}});
                            }
                        }));
        });
        look_after(question, slot);
    });
}

Task<void> Portal::probe(Watched* watched, std::size_t configured) {
    const auto name = watched->account.view().node.name;
    for (;;) {
        const auto index = world_.reached(configured);
        const auto asked_at = now();
        auto slot = std::make_shared<Slot<Observation>>();
        const bool kept = watched->connected && world_.timing.busy_after > Milliseconds(0);
        const auto patience = kept ? world_.timing.busy_after + kBeyond : world_.timing.down_after;
        const auto expires = world_.events.now() + true_time(patience);
        world_.ask_node(
            place(), index, expires,
            [this, slot, index, asked_at, expires, name, life = std::weak_ptr<Life>(life_)] {
                const auto report = world_.nodes[index]->info(world_.events.now());
                world_.send(index, place(), expires, within(life, [this, slot, report, asked_at, name] {
                                slot->fill({name, ProbeResult::answered, asked_at, now(), {}, report, {}, {}});
                            }));
            },
            here([this, slot, asked_at, name, watched] {
                const auto result = watched->connected ? ProbeResult::broken : ProbeResult::refused;
                slot->fill({name, result, asked_at, now(), "connection refused", std::nullopt, {}, {}});
            }));
        if (kept) {
            const sentinel::KernelSigns signs{asked_at, false, true};
            look_after(std::make_shared<Question>(Question{index, name, watched->run, asked_at, signs}), slot);
        }
        later(patience, [this, slot, asked_at, name] {
            slot->fill({name, ProbeResult::silent, asked_at, now(), "no answer in time", std::nullopt, {}, {}});
        });
        const Wait<Observation> wait{slot.get()};
        auto seen = co_await wait;
        const auto result = seen.result;
        watched->connected = result == ProbeResult::answered;
        watched->run = seen.report ? seen.report->run_id : std::string();
        observe(std::move(seen));
        if (result == ProbeResult::broken || std::exchange(watched->again, false)) {
            continue;
        }
        watched->rest = std::make_shared<Slot<bool>>();
        const auto until = asked_at + world_.timing.ping_interval;
        co_await sleep(until, watched->rest);
        watched->rest.reset();
        watched->again = false;
    }
}

}  // namespace portal::simulation
