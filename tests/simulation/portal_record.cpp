#include "portal.hpp"

#include <algorithm>
#include <utility>

namespace portal::simulation {
using sentinel::Milliseconds;
using sentinel::Phase;
using sentinel::ReadResult;
using sentinel::Record;
using sentinel::View;
using sentinel::WriteStatus;

namespace {

constexpr Milliseconds kRetry{100};

struct Written {
    WriteStatus status = WriteStatus::unknown;
    std::string version;
};

}  // namespace

// The portal's calls of the arbiter, as in sentinel/monitor_record.cpp.

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

/// A slow store is slow before and after it does what it was asked.
void Portal::answer_after_doing(std::function<void()> answer) {
    if (world_.store_state() == World::StoreState::slow) {
        world_.events.after(world_.chance.between(Time(0), milliseconds(900)), std::move(answer));
    } else {
        answer();
    }
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
        answer_after_doing([back, result] { back(result); });
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
        answer_after_doing([back] { back(true); });
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

}  // namespace portal::simulation
