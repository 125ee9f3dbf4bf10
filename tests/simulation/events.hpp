// Virtual time and chance: events in the order of their time, and a random source that a seed replays. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <queue>
#include <random>
#include <vector>

namespace portal::simulation {

/// Since the world began, by nobody's clock.
using Time = std::chrono::nanoseconds;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Chance {
  public:
    explicit Chance(std::uint64_t seed) : engine_(seed) {}

    bool happens(double probability) { return static_cast<double>(engine_() >> 11U) * 0x1.0p-53 < probability; }
    std::size_t below(std::size_t count) { return static_cast<std::size_t>(engine_() % count); }
    Time between(Time from, Time to) {
        const auto range = static_cast<std::uint64_t>((to - from).count()) + 1;
        return from + Time(static_cast<Time::rep>(engine_() % range));
    }
    std::uint64_t number() { return engine_(); }

  private:
    std::mt19937_64 engine_;
};

class Events {
  public:
    [[nodiscard]] Time now() const { return now_; }
    [[nodiscard]] std::uint64_t steps() const { return steps_; }

    void at(Time time, std::function<void()> what) { queue_.push({std::max(time, now_), ++made_, std::move(what)}); }
    void after(Time time, std::function<void()> what) { at(now_ + time, std::move(what)); }

    /// Runs the next event. False when there is none.
    bool step() {
        if (queue_.empty()) {
            return false;
        }
        auto event = std::move(const_cast<Event&>(queue_.top()));
        queue_.pop();
        now_ = event.time;
        ++steps_;
        event.what();
        return true;
    }

  private:
    struct Event {
        Time time;
        std::uint64_t number;
        std::function<void()> what;
        bool operator<(const Event& other) const {
            return time != other.time ? time > other.time : number > other.number;
        }
    };
    Time now_{0};
    std::uint64_t made_ = 0;
    std::uint64_t steps_ = 0;
    std::priority_queue<Event> queue_;
};

}  // namespace portal::simulation
