#include "session/deadlines.hpp"

namespace portal::session {

Deadlines::Due Deadlines::due(const State& state, Time now) const noexcept {
    Due first;
    const auto consider = [&first](Kind kind, Time since, Clock::duration lasts) {
        if (lasts != Clock::duration::zero() && (first.kind == Kind::none || since + lasts < first.at)) {
            first = {kind, since, since + lasts};
        }
    };
    if (state.closed) {
        return first;
    }
    if (!state.established) {
        consider(Kind::handshake, state.connected_at, durations_.handshake);
        return first;
    }
    if (state.stalled_since) {
        consider(Kind::output, *state.stalled_since, durations_.output);
    }
    if (state.held_since) {
        consider(Kind::hold, *state.held_since, durations_.hold);
    }
    if (state.blocked_since) {
        consider(Kind::block, *state.blocked_since, durations_.block);
    }
    if (!state.stalled_since && !state.held_since) {
        consider(Kind::idle, state.busy ? now : state.active_at, durations_.idle);
    }
    return first;
}

}  // namespace portal::session
