#include "portal.hpp"

#include <algorithm>
#include <utility>

namespace portal::simulation {
using sentinel::Health;
using sentinel::Milliseconds;
using sentinel::Phase;
using sentinel::TimePoint;
using sentinel::View;

namespace {

constexpr Milliseconds kTick{100};
constexpr Milliseconds kWhileSuspected{50};
constexpr Time kServedLately{milliseconds(500)};

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
    if (const auto& record = life_->standing.record(); record && record->phase == sentinel::Phase::fencing) {
        world_.operator_names(to, record->epoch);
    }
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
        if (choosing && world_.options.without == Without::the_wait_for_failsafe &&
            decided.now - decided.phase_since >= world_.timing.fence_after) {
            for (auto& portal : decided.portals) {
                portal.mark.fenced = decided.record.epoch;
            }
        }
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
        if (choosing && world_.options.without == Without::doubt_of_restarted_nodes) {
            for (const auto& node : decided.nodes) {
                const auto known = decided.record.known.find(node.node.name);
                if (node.report && known != decided.record.known.end() && node.report->offset >= known->second.offset &&
                    node.report->replid == known->second.replid) {
                    known->second.run_id = node.report->run_id;
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
