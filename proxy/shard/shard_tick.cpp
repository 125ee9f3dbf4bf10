// What a shard does again and again, apart from what its clients and nodes ask of it.
#include "observe/log.hpp"
#include "shard/shard.hpp"

#include <algorithm>
#include <utility>

namespace portal::shard {

namespace {

constexpr std::chrono::milliseconds kTick{50};
/// A reply waits at least this long for its proof, also where nothing else may wait.
constexpr std::chrono::seconds kProofTime{1};

}  // namespace

void Shard::end_pause() {
    if (context_.pause.mode != session::ClientPause::Mode::none && turn_.now() >= context_.pause.until) {
        session::end_pause(context_);
    }
}

/// Redis has closed the connections of a user that was deleted; clients without a request notice only by asking.
void Shard::check_dropped_users() {
    if (dropped_users_.empty() || !context_.forwarding()) {
        return;
    }
    const std::set<std::string> users = std::exchange(dropped_users_, {});
    for (const session::Session& each : registry_.all) {
        if (users.contains(each.login.identity().username)) {
            links_.shared(each.login.identity(), upstream::Link::Lane::quick);
        }
    }
}

void Shard::run_tick() {
    rounds_.timer.start(kTick, [this] {
        tick();
        run_tick();
    });
}

void Shard::tick() {
    heartbeats_.add();
    observe::log_left_out();
    counters_.turns.set(turn_.flushed_turns());
    const auto now = turn_.now();
    connect_deadlines_.expire(now);
    link_context_.answer_deadlines.queue.expire(now);
    context_.expire(now);
    if (proof_) {
        proof_->tick();
        const auto since = now - std::max<std::chrono::milliseconds>(setup_.config->hold.time, kProofTime);
        for_parked([since](session::Session& each) { each.proofs.expire(since); });
    }
    if (context_.forwarding()) {
        links_.resume_writing();
        links_.fence_quiet();
        links_.leave_slow();
    }
    scripts_->tick();
    if (count_exchange_) {
        count_exchange_->tick();
    }
    retry_held();
    end_pause();
    check_dropped_users();
    if (rounds_.login.due(now)) {
        links_.watch_login();
    }
    if (rounds_.tokens.due(now)) {
        context_.check_tokens();
    }
    subscriptions_.tidy(now - setup_.config->hold.time);
    if (rounds_.idle_links.due(now)) {
        links_.close_idle();
    }
}

}  // namespace portal::shard
