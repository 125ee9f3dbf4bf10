#include "session/deadlines.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace portal::session {
namespace {

using namespace std::chrono_literals;
using Kind = Deadlines::Kind;
using State = Deadlines::State;
using Time = Deadlines::Time;

constexpr Time kStart{1h};
constexpr Time kNow = kStart + 1min;
constexpr Deadlines::Durations kDurations{.handshake = 10s, .output = 60s, .hold = 8s, .idle = 300s};

State established() {
    State state;
    state.established = true;
    state.connected_at = kStart;
    state.active_at = kStart + 5s;
    return state;
}

Deadlines::Due due(const State& state, const Deadlines::Durations& durations = kDurations) {
    return Deadlines(durations).due(state, kNow);
}

TEST(Deadlines, AClientWithoutAHandshakeHasThatOfTheHandshakeOnly) {
    State state = established();
    state.established = false;
    state.stalled_since = kStart;
    state.held_since = kStart;
    EXPECT_EQ(due(state), (Deadlines::Due{Kind::handshake, kStart, kStart + 10s}));
}

TEST(Deadlines, AClientThatDoesNothingIsIdleFromItsLastActivityOn) {
    EXPECT_EQ(due(established()), (Deadlines::Due{Kind::idle, kStart + 5s, kStart + 305s}));
}

TEST(Deadlines, ABusyClientIsLookedAtAgainAnIdleTimeFromNow) {
    State state = established();
    state.busy = true;
    EXPECT_EQ(due(state), (Deadlines::Due{Kind::idle, kNow, kNow + 300s}));
}

TEST(Deadlines, AClientThatTakesNothingIsNotIdle) {
    State state = established();
    state.stalled_since = kNow;
    Deadlines::Durations durations = kDurations;
    durations.idle = 1s;
    EXPECT_EQ(due(state, durations), (Deadlines::Due{Kind::output, kNow, kNow + 60s}));
    durations.output = 0s;
    EXPECT_EQ(due(state, durations), Deadlines::Due{});
}

TEST(Deadlines, AClientThatIsHeldIsNotIdle) {
    State state = established();
    state.held_since = kNow;
    Deadlines::Durations durations = kDurations;
    durations.idle = 1s;
    EXPECT_EQ(due(state, durations), (Deadlines::Due{Kind::hold, kNow, kNow + 8s}));
    durations.hold = 0s;
    EXPECT_EQ(due(state, durations), Deadlines::Due{});
}

TEST(Deadlines, OfTwoTheEarlierCountsWhicheverBeganFirst) {
    State state = established();
    state.stalled_since = kStart;
    state.held_since = kStart + 51s;
    EXPECT_EQ(due(state).kind, Kind::hold);  // after 59 s
    state.held_since = kStart + 53s;
    EXPECT_EQ(due(state).kind, Kind::output);  // after 60 s
}

TEST(Deadlines, AClosedClientHasNone) {
    State state = established();
    state.closed = true;
    EXPECT_EQ(due(state), Deadlines::Due{});
    state.established = false;
    EXPECT_EQ(due(state), Deadlines::Due{});
}

/// Every state there is, with times that meet, in every order, and with every limit there or not.
TEST(Deadlines, InEveryStateTheEarliestOfThoseThatHoldIsDueAndThereIsOneUnlessNoneIsLimited) {
    const std::vector<std::optional<Time>> since = {std::nullopt, kStart, kStart + 3s, kNow};
    const std::vector<Deadlines::Clock::duration> lasts = {0s, 2s, 5s};
    int seen = 0;
    for (const bool is_established : {false, true}) {
        for (const bool busy : {false, true}) {
            for (const auto& stalled : since) {
                for (const auto& held : since) {
                    for (int i = 0; i < 81; ++i) {
                        const auto last = [&](int place) { return lasts[static_cast<std::size_t>(i / place % 3)]; };
                        const Deadlines::Durations durations{
                            .handshake = last(1), .output = last(3), .hold = last(9), .idle = last(27)};
                        State state = established();
                        state.established = is_established;
                        state.busy = busy;
                        state.stalled_since = stalled;
                        state.held_since = held;
                        std::vector<std::pair<Time, Kind>> hold;
                        const auto add = [&hold](bool applies, Kind kind, Time from, Deadlines::Clock::duration time) {
                            if (applies && time != 0s) {
                                hold.emplace_back(from + time, kind);
                            }
                        };
                        add(!is_established, Kind::handshake, state.connected_at, durations.handshake);
                        add(is_established && stalled, Kind::output, stalled.value_or(Time{}), durations.output);
                        add(is_established && held, Kind::hold, held.value_or(Time{}), durations.hold);
                        add(is_established && !stalled && !held, Kind::idle, busy ? kNow : state.active_at,
                            durations.idle);
                        const Deadlines::Due found = due(state, durations);
                        if (hold.empty()) {
                            ASSERT_EQ(found, Deadlines::Due{});
                            continue;
                        }
                        ++seen;
                        ASSERT_EQ(found.at, std::ranges::min(hold).first);
                        ASSERT_NE(std::ranges::find(hold, std::pair(found.at, found.kind)), hold.end());
                    }
                }
            }
        }
    }
    EXPECT_GT(seen, 2000);
}

}  // namespace
}  // namespace portal::session
