#include "shard/forwarding_stop.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace portal::shard {

namespace {

/// How long requests that are in flight may still be answered by the old leader once forwarding has stopped.
constexpr std::chrono::milliseconds kGrace{100};
constexpr std::chrono::milliseconds kPoll{2};
/// As long is always waited for commands that block: one that found data is answered by then.
constexpr std::chrono::milliseconds kBlockedGrace{10};
/// A leader that has sent nothing for this long is waited for less, down to not at all.
constexpr std::chrono::milliseconds kSilence{200};

}  // namespace

void ForwardingStop::begin(std::function<void()> applied) {
    waiters_.push_back(std::move(applied));
    if (waiters_.size() == 1) {
        // A leader that has been silent for long answers nothing in a moment either.
        until_ = std::min(context_.turn.now(), context_.heard_at + kSilence) + kGrace;
        context_.answers_until = until_;
    }
    check();
}

void ForwardingStop::check() {
    const auto now = context_.turn.now();
    const bool answered = context_.in_flight == 0 && registry_.parked.empty();
    const bool settled = context_.blocked == 0 || now >= until_ - kGrace + kBlockedGrace;
    if ((answered && settled) || now >= until_) {
        links_.set_leader(std::nullopt);
        finish();
        return;
    }
    timer_.start(kPoll, [this] {
        if (!waiters_.empty()) {
            check();
        }
    });
}

void ForwardingStop::finish() {
    for (const std::function<void()>& applied : std::exchange(waiters_, {})) {
        applied();
    }
}

}  // namespace portal::shard
