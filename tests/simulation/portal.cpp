#include "portal.hpp"

#include <algorithm>
#include <utility>

namespace portal::simulation {
using sentinel::Decision;
using sentinel::Health;
using sentinel::Mark;
using sentinel::Milliseconds;
using sentinel::Observation;
using sentinel::Phase;
using sentinel::ProbeResult;
using sentinel::ReadResult;
using sentinel::Record;
using sentinel::TimePoint;
using sentinel::View;
using sentinel::WriteStatus;

namespace {

constexpr Milliseconds kRetry{100};
constexpr Milliseconds kTick{100};
constexpr Milliseconds kWhileSuspected{50};
constexpr Milliseconds kHandOverTime{1000};
/// As the shards: how long requests in flight may still be answered once forwarding has stopped.
constexpr Time kFenceGrace{milliseconds(100)};
constexpr Time kServedLately{milliseconds(500)};

struct Written {
    WriteStatus status = WriteStatus::unknown;
    std::string version;
};

}  // namespace

Portal::Portal(World& world, std::size_t index, double rate)
    : world_(world), index_(index), name_("portal-" + std::to_string(index)), rate_(rate) {}

// ---- the process and its clock

TimePoint Portal::now() const {
    const auto local = std::chrono::duration<double, std::nano>(world_.events.now()) * rate_;
    // Any beginning does; each portal has its own.
    return TimePoint{} + std::chrono::hours(100 * (index_ + 1)) +
           std::chrono::duration_cast<sentinel::Clock::duration>(local);
}

Time Portal::true_time(Milliseconds local) const {
    return std::chrono::duration_cast<Time>(std::chrono::duration<double, std::milli>(local) / rate_);
}

/// `what`, to be run in the process `life`: never after its death, and not while it is paused.
std::function<void()> Portal::within(std::weak_ptr<Life> life, std::function<void()> what) {
    return [this, life = std::move(life), what = std::move(what)] {
        if (life.expired()) {
            return;
        }
        if (paused_) {
            waiting_.push_back([life, what] {
                if (!life.expired()) {
                    what();
                }
            });
        } else {
            what();
        }
    };
}

std::function<void()> Portal::here(std::function<void()> what) {
    return within(life_, std::move(what));
}

void Portal::later(Milliseconds local, std::function<void()> what) {
    world_.events.after(true_time(local), here(std::move(what)));
}

void Portal::start() {
    if (life_) {
        return;
    }
    life_ = std::make_shared<Life>(name_, world_.timing, now());
    for (const auto& node : world_.nodes) {
        life_->nodes.emplace_back(*node, world_.timing, now());
    }
    tick();
    for (std::size_t i = 0; i < life_->nodes.size(); ++i) {
        life_->tasks.push_back(probe(&life_->nodes[i], i));
    }
    life_->tasks.push_back(run());
    for (auto& task : life_->tasks) {
        task.start();
    }
    forward();
    prove();
}

void Portal::crash() {
    life_.reset();
    paused_ = false;
    waiting_.clear();
}

void Portal::pause() {
    paused_ = true;
}

void Portal::resume() {
    if (!std::exchange(paused_, false)) {
        return;
    }
    auto waiting = std::exchange(waiting_, {});
    // What became ready meanwhile comes in any order.
    for (std::size_t i = waiting.size(); i > 1; --i) {
        std::swap(waiting[i - 1], waiting[world_.chance.below(i)]);
    }
    for (auto& what : waiting) {
        what();
    }
}

void Portal::tick() {
    notice_pause();
    later(kTick, [this] { tick(); });
}

void Portal::notice_pause() {
    if (!life_->pauses.paused(now())) {
        return;
    }
    for (auto& node : life_->nodes) {
        node.account.forgive(now());
    }
    life_->record_due = true;
}

void Portal::wake() {
    life_->woken = true;
    if (life_->rest) {
        world_.events.after(microseconds(10), here([slot = life_->rest] { slot->fill(true); }));
    }
}

void Portal::store_changed() {
    here([this] {
        life_->record_due = true;
        wake();
    })();
}

/// As in the monitor: the record's answer ends the request.
void Portal::settle_request() {
    const auto& record = life_->standing.record();
    if (record && !life_->wants_id.empty() && record->answered_id == life_->wants_id) {
        life_->wants_id.clear();
        life_->standing.ask_for({}, {});
        wake();
    }
}

void Portal::ask_switchover(std::string to) {
    if (!life_ || paused_ || !life_->wants_id.empty()) {
        return;
    }
    world_.say(name_ + " is asked for a switchover to " + to);
    life_->wants_id = name_ + "/" + std::to_string(++requests_);
    life_->standing.ask_for(life_->wants_id, std::move(to));
    wake();
    later(Milliseconds(15000), [this, id = life_->wants_id] {
        if (life_->wants_id == id) {
            life_->wants_id.clear();
            life_->standing.ask_for({}, {});
        }
    });
}

Task<void> Portal::sleep(TimePoint until, SlotPtr<bool> slot) {
    const auto left = std::chrono::duration_cast<Milliseconds>(until - now());
    later(std::max(left, Milliseconds(1)), [slot] { slot->fill(false); });
    const Wait<bool> wait{slot.get()};
    (void)co_await wait;
}

// ---- the turn, as in sentinel/monitor.cpp

Task<void> Portal::run() {
    for (;;) {
        co_await turn();
        if (std::exchange(life_->turn_again, false)) {
            continue;
        }
        if (std::exchange(life_->woken, false)) {
            continue;
        }
        auto& standing = life_->standing;
        auto until = std::min(now() + world_.timing.ping_interval, standing.next_beat());
        if (standing.arbiter_error().empty()) {
            until = std::min(until, standing.role().look_again(now()));
        }
        for (const auto& node : life_->nodes) {
            if (node.account.assess(now()) == Health::suspected) {
                until = std::min(until, now() + kWhileSuspected);
            }
        }
        if (life_->look_again) {
            until = std::min(until, *life_->look_again);
        }
        life_->rest = std::make_shared<Slot<bool>>();
        co_await sleep(until, life_->rest);
        life_->rest.reset();
        life_->woken = false;
    }
}

Task<void> Portal::turn() {
    auto& standing = life_->standing;
    notice_pause();
    life_->look_again.reset();
    const bool retry = !standing.record() || !standing.arbiter_error().empty();
    if (std::exchange(life_->record_due, false) || (retry && now() >= standing.next_beat())) {
        co_await confirm();
    }
    if (standing.arbiter_error().empty()) {
        co_await keep_role();
    }
    if (!standing.record()) {
        co_return;
    }
    auto view = look();
    if (standing.acts(view.now)) {
        auto decided = view;
        for (auto& portal : decided.portals) {
            if (world_.options.without == Without::waiting_for_marks) {
                portal.mark.fenced = decided.record.epoch;
            }
        }
        const bool choosing = decided.record.phase == Phase::fencing;
        if (choosing && world_.options.without == Without::the_in_sync_set) {
            decided.record.in_sync.clear();
            for (const auto& node : decided.nodes) {
                decided.record.in_sync.push_back(node.node.name);
            }
        }
        if (choosing && world_.options.without == Without::memory_of_the_data) {
            decided.record.known.clear();
            for (auto& node : decided.nodes) {
                if (node.report) {
                    node.report->keys = std::max<std::uint64_t>(1, node.report->keys);
                }
            }
        }
        auto decision = life_->failover.decide(decided);
        const bool changed = co_await act(std::move(decision));
        life_->turn_again = life_->turn_again || changed;
        view = look();
    }
    publish_what_holds(view);
    if (const auto until = standing.permit()) {
        life_->permit.extend(*until);
    }
    if (const auto until = standing.failsafe_until(view)) {
        life_->permit.extend(*until);
    }
    co_await beat(view);
}

Task<void> Portal::confirm() {
    auto slot = std::make_shared<Slot<ReadResult>>();
    const auto asked_at = now();
    const auto give_up = world_.timing.fence_after / 2;
    const auto expires = world_.events.now() + true_time(give_up);
    const auto back = [this, slot, expires, life = std::weak_ptr<Life>(life_)](ReadResult result) {
        world_.send(world_.place_of_store(), place(), expires, within(life, [slot, result] { slot->fill(result); }));
    };
    world_.send(place(), world_.place_of_store(), expires, [this, back] {
        switch (world_.store_state()) {
            case World::StoreState::refusing:
                back({std::nullopt, "refused"});
                break;
            case World::StoreState::silent:
                break;
            case World::StoreState::slow:
                world_.events.after(world_.chance.between(Time(0), milliseconds(1200)), [this, back] {
                    back({world_.snapshot(), {}});
                });
                break;
            case World::StoreState::fine:
                back({world_.snapshot(), {}});
        }
    });
    later(give_up, [slot] { slot->fill({std::nullopt, "no answer in time"}); });
    const Wait<ReadResult> wait{slot.get()};
    auto result = co_await wait;
    if (!result.snapshot) {
        life_->standing.arbiter_failed(result.error, world_.timing.fence_after / 4, now());
        co_return;
    }
    const auto reading = life_->standing.read(std::move(*result.snapshot), asked_at, now());
    for (const auto& suspect : reading.suspects) {
        probe_now(suspect);
    }
    settle_request();
}

Task<void> Portal::keep_role() {
    auto next = life_->standing.due_record(seen_nodes(), now());
    if (!next) {
        co_return;
    }
    if (world_.options.without == Without::takeover_of_the_role && !next->acting.empty() && next->acting != name_) {
        co_return;
    }
    co_await commit(std::move(*next), name_);
}

Task<bool> Portal::commit(Record next, std::string holder) {
    auto slot = std::make_shared<Slot<Written>>();
    const auto asked_at = now();
    next = life_->standing.begin_write(std::move(next), std::move(holder), asked_at);
    const auto give_up = world_.timing.fence_after / 2;
    const auto expires = world_.events.now() + true_time(give_up);
    const auto back = [this, slot, expires, life = std::weak_ptr<Life>(life_)](Written result) {
        world_.send(world_.place_of_store(), place(), expires, within(life, [slot, result] { slot->fill(result); }));
    };
    const auto swap = [this, back, next, expected = life_->standing.version()] {
        Written result;
        result.status = world_.swap(next, expected, result.version);
        back(result);
    };
    world_.send(place(), world_.place_of_store(), expires, [this, back, swap] {
        switch (world_.store_state()) {
            case World::StoreState::refusing:
                back({});
                break;
            case World::StoreState::silent:
                break;
            case World::StoreState::slow:
                // It goes through, however late.
                world_.events.after(world_.chance.between(Time(0), milliseconds(3000)), swap);
                break;
            case World::StoreState::fine:
                swap();
        }
    });
    later(give_up, [slot] { slot->fill({}); });
    const Wait<Written> wait{slot.get()};
    auto result = co_await wait;
    if (world_.options.without == Without::the_record_before_promotion && next.phase == Phase::fencing) {
        result = {WriteStatus::written, life_->standing.version()};
    }
    if (result.status == WriteStatus::conflict) {
        life_->record_due = true;
        life_->turn_again = true;
        co_return false;
    }
    if (result.status == WriteStatus::unknown) {
        life_->standing.arbiter_failed("no answer in time", kRetry, now());
        co_return false;
    }
    if (life_->standing.written(std::move(next), result.version, asked_at, now())) {
        life_->record_due = true;
    }
    settle_request();
    co_return true;
}

Task<void> Portal::beat(View view) {
    const auto asked_at = now();
    auto mark = life_->standing.due_mark(view, asked_at);
    if (!mark) {
        co_return;
    }
    auto slot = std::make_shared<Slot<bool>>();
    const auto give_up = world_.timing.fence_after / 2;
    const auto expires = world_.events.now() + true_time(give_up);
    const auto back = [this, slot, expires, life = std::weak_ptr<Life>(life_)](bool done) {
        world_.send(world_.place_of_store(), place(), expires, within(life, [slot, done] { slot->fill(done); }));
    };
    const auto put = [this, back, mark = *mark] {
        world_.put_mark(mark);
        back(true);
    };
    world_.send(place(), world_.place_of_store(), expires, [this, back, put] {
        switch (world_.store_state()) {
            case World::StoreState::refusing:
                back(false);
                break;
            case World::StoreState::silent:
                break;
            case World::StoreState::slow:
                world_.events.after(world_.chance.between(Time(0), milliseconds(1200)), put);
                break;
            case World::StoreState::fine:
                put();
        }
    });
    later(give_up, [slot] { slot->fill(false); });
    const Wait<bool> wait{slot.get()};
    const bool done = co_await wait;
    if (!done) {
        life_->standing.arbiter_failed("no answer in time", world_.timing.fence_after / 4, now());
        co_return;
    }
    const bool late = world_.options.without == Without::time_from_before_the_question;
    life_->standing.mark_written(std::move(*mark), late ? now() : asked_at);
    life_->record_due = true;
    life_->turn_again = true;
}

std::vector<sentinel::NodeView> Portal::seen_nodes() {
    std::vector<sentinel::NodeView> seen;
    for (const auto& node : life_->nodes) {
        seen.push_back(node.account.seen(now()));
    }
    return seen;
}

View Portal::look() {
    return life_->standing.look(seen_nodes(), now());
}

void Portal::publish_what_holds(const View& view) {
    auto topology = life_->standing.topology(view);
    if (!topology.leader) {
        life_->permit.revoke();
    }
    const auto& before = life_->standing.published();
    if (before && *before == topology) {
        return;
    }
    auto next = std::make_shared<const replication::Topology>(std::move(topology));
    const auto serial = life_->standing.published(next);
    life_->routed_at =
        std::max(life_->routed_at, world_.events.now() + world_.chance.between(microseconds(10), milliseconds(3)));
    world_.events.at(life_->routed_at, here([this, next, serial] { route(next, serial); }));
}

// ---- actions

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
    if (auto* write = std::get_if<sentinel::WriteRecord>(&action)) {
        const bool leads = write->next.phase == Phase::leading && life_->standing.record()->phase != Phase::leading;
        const bool written = co_await commit(std::move(write->next), name_);
        if (written && leads) {
            failover.recorded(now());
        }
        co_return written;
    }
    if (auto* chosen = std::get_if<sentinel::Promote>(&action)) {
        const auto name = chosen->node;
        const auto outcome = co_await tell_to_lead(name, false);
        if (!outcome.error.empty()) {
            failover.promotion_failed(name, outcome.error, now());
            co_return true;
        }
        accept(*find(name), outcome);
        co_return true;
    }
    if (auto* follow = std::get_if<sentinel::Follow>(&action)) {
        const auto name = follow->step.node;
        const auto leader = follow->step.leader->host;
        std::function<void(Node&)> replicaof = [leader](Node& node) { node.replicaof(leader); };
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
    std::size_t index = 0;
    while (world_.nodes[index]->name() != name) {
        ++index;
    }
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

Task<Portal::Outcome> Portal::tell_to_lead(std::string node, bool by_hand) {
    const bool asked = by_hand || life_->why.find("chosen by the operator") != std::string::npos;
    world_.promoting(name_, node, *life_->standing.record(), asked);
    std::function<void(Node&)> lead = [](Node& chosen) { chosen.lead(); };
    auto outcome = co_await command(node, std::move(lead));
    if (outcome.error.empty() && outcome.report->role != replication::Role::leader) {
        outcome.error = "it does not lead";
    }
    co_return outcome;
}

Task<bool> Portal::hand_over(sentinel::HandOver move) {
    using Command = std::function<void(Node&)>;
    const auto pause_until = world_.events.now() + milliseconds(2 * kHandOverTime.count());
    Command pause_writes = [pause_until](Node& node) { node.writes_paused_until = pause_until; };
    const auto paused = co_await command(move.from, std::move(pause_writes));
    Outcome outcome{paused.error, std::nullopt, {}};
    const auto give_up = now() + kHandOverTime;
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
            outcome = co_await tell_to_lead(move.to, true);
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
        Command replicaof = [leader = move.to](Node& node) { node.replicaof(leader); };
        (void)co_await command(move.from, std::move(replicaof));
    }
    Command unpause = [](Node& node) { node.writes_paused_until = Time{0}; };
    (void)co_await command(move.from, std::move(unpause));
    life_->failover.handed_over(outcome.error, outcome.error.empty() ? outcome.asked_at : now());
    if (outcome.error.empty()) {
        accept(*find(move.to), outcome);
        probe_now(move.from);
    }
    co_return true;
}

void Portal::accept(Watched& node, const Outcome& outcome) {
    observe({node.account.view().node.name, ProbeResult::answered, outcome.asked_at, now(), {}, outcome.report, {}});
}

void Portal::observe(Observation observation) {
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

Task<void> Portal::probe(Watched* watched, std::size_t index) {
    const auto name = watched->account.view().node.name;
    for (;;) {
        const auto asked_at = now();
        auto slot = std::make_shared<Slot<Observation>>();
        const auto expires = world_.events.now() + true_time(world_.timing.down_after);
        world_.ask_node(
            place(), index, expires,
            [this, slot, index, asked_at, expires, name, life = std::weak_ptr<Life>(life_)] {
                const auto report = world_.nodes[index]->info(world_.events.now());
                world_.send(index, place(), expires, within(life, [this, slot, report, asked_at, name] {
                                slot->fill({name, ProbeResult::answered, asked_at, now(), {}, report, {}});
                            }));
            },
            here([this, slot, asked_at, name, watched] {
                const auto result = watched->connected ? ProbeResult::broken : ProbeResult::refused;
                slot->fill({name, result, asked_at, now(), "connection refused", std::nullopt, {}});
            }));
        later(world_.timing.down_after, [this, slot, asked_at, name] {
            slot->fill({name, ProbeResult::silent, asked_at, now(), "no answer in time", std::nullopt, {}});
        });
        const Wait<Observation> wait{slot.get()};
        auto seen = co_await wait;
        const auto result = seen.result;
        observe(std::move(seen));
        watched->connected = result == ProbeResult::answered;
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

// ---- the data path

void Portal::route(replication::TopologyPtr topology, std::uint64_t serial) {
    const bool stops = !topology->leader;
    life_->routed = std::move(topology);
    if (stops) {
        drain(serial, world_.events.now() + kFenceGrace);
        return;
    }
    if (!stops) {
        // Links to any other leader are gone; what they carried is in doubt.
        std::erase_if(life_->flying, [&](const auto& one) { return one.second.epoch != life_->routed->epoch; });
    }
    life_->standing.applied(serial);
    wake();
}

void Portal::drain(std::uint64_t serial, Time until) {
    if (!life_->flying.empty() && world_.events.now() < until) {
        world_.events.after(milliseconds(2), here([this, serial, until] { drain(serial, until); }));
        return;
    }
    life_->flying.clear();
    life_->standing.applied(serial);
    wake();
}

void Portal::forward() {
    world_.events.after(world_.chance.between(milliseconds(20), milliseconds(60)), here([this] { forward(); }));
    const auto& routed = life_->routed;
    const bool permitted = life_->permit.valid(now()) || (world_.options.without == Without::expiry_of_the_permit);
    if (!routed || !routed->leader || !permitted) {
        return;
    }
    world_.forwards(name_, routed->leader->name, routed->epoch);
    const auto id = world_.next_write();
    life_->flying[id] = {routed->leader->name, routed->epoch};
    std::size_t index = 0;
    while (world_.nodes[index]->name() != routed->leader->name) {
        ++index;
    }
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
        world_.acknowledged(id);
        served_ = flying->second.leader;
        served_at_ = world_.events.now();
        life_->flying.erase(flying);
    }
}

/// Acknowledges what the leader answered and every node of the in-sync set has; one replica at least.
void Portal::prove() {
    world_.events.after(milliseconds(15), here([this] { prove(); }));
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
        world_.acknowledged(flying->first);
        served_ = write.leader;
        served_at_ = world_.events.now();
        flying = life_->flying.erase(flying);
    }
}

std::string Portal::describe() const {
    if (!life_) {
        return name_ + " is dead";
    }
    const auto& standing = life_->standing;
    return name_ + (standing.acts(now()) ? " acts: " : ": ") + life_->why + "; arbiter: " + standing.arbiter_error() +
           "; verdict: " + standing.verdict().why + "; routes to " +
           (life_->routed && life_->routed->leader ? life_->routed->leader->name : "nobody") +
           (life_->permit.valid(now()) ? " with" : " without") + " a permit, " + std::to_string(life_->flying.size()) +
           " in flight, serves " + served_;
}

std::string Portal::serves() const {
    return life_ && world_.events.now() - served_at_ < kServedLately ? served_ : std::string{};
}

}  // namespace portal::simulation
