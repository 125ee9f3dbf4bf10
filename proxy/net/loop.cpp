#include "net/loop.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace portal::net {

Loop::Loop(Turn& turn)
    : turn_(turn),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      alarm_(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) {
    // Edge-triggered, neither is ever read: each write of the one and each expiry of the other is an event.
    if (epoll_ < 0 || wake_ < 0 || alarm_ < 0 || !add(wake_, woken_) || !add(alarm_, rang_)) {
        throw std::system_error(errno, std::system_category(), "cannot make an event loop");
    }
}

Loop::~Loop() {
    ::close(alarm_);
    ::close(wake_);
    ::close(epoll_);
}

void Loop::run() {
    stopped_ = false;
    run_tasks();          // first: what was posted before makes ready for the events
    bool at_once = true;  // what was asked for before
    while (!stopped_) {
        Again again;  // and not those that ask once more in this turn
        again.swap(again_);
        const bool sleeps = !at_once && !looks_again();
        sleeps_ += sleeps ? 1 : 0;
        const int ready = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), sleeps ? -1 : 0);
        dispatch(std::max(ready, 0));
        while (!again.empty()) {
            Watch& watch = again.front();
            again.pop_front();
            call(watch, 0);
        }
        if (std::exchange(woken_.raised, false)) {
            run_tasks();
        }
        if (std::exchange(rang_.raised, false)) {
            run_timers();
        }
        at_once = turn_.end() || !again_.empty();
    }
}

/// The last event was a moment ago, so the next one may be near. Tasks and timers are events as well.
bool Loop::looks_again() const noexcept {
    return busy_poll_ > Clock::duration::zero() && Clock::now() - turn_.now() < busy_poll_;
}

void Loop::dispatch(int ready) {
    ready_ = ready;
    for (next_ = 0; next_ < ready_;) {
        const epoll_event event = events_[static_cast<std::size_t>(next_++)];
        if (auto* watch = static_cast<Watch*>(event.data.ptr)) {
            call(*watch, event.events);
        }
    }
    ready_ = 0;
}

void Loop::call(Watch& watch, std::uint32_t events) {
    turn_.begin_event();
    watch.on_events(events);
}

void Loop::run_tasks() {
    std::vector<Task> tasks;
    {
        const std::lock_guard lock(mutex_);
        tasks.swap(tasks_);
    }
    for (const Task& task : tasks) {
        turn_.begin_event();
        task();
    }
}

void Loop::run_timers() {
    turn_.begin_event();
    for (;;) {
        const auto due = std::ranges::min_element(timers_, {}, &Timer::at_);
        if (due == timers_.end() || (*due)->at_ > turn_.now()) {
            break;
        }
        Timer* timer = *due;
        timers_.erase(due);
        const Task task = std::exchange(timer->task_, nullptr);
        task();
    }
    set_alarm();
}

void Loop::Timer::start(Clock::duration after, Task task) {
    cancel();
    at_ = Clock::now() + after;
    task_ = std::move(task);
    loop_.timers_.push_back(this);
    loop_.set_alarm();
}

void Loop::Timer::cancel() noexcept {
    if (std::exchange(task_, nullptr)) {
        std::erase(loop_.timers_, this);
    }
}

void Loop::set_alarm() noexcept {
    const auto earliest = std::ranges::min_element(timers_, {}, &Timer::at_);
    if (earliest == timers_.end()) {
        return;
    }
    // Never zero, which would switch the alarm off.
    const auto at =
        std::chrono::duration_cast<std::chrono::nanoseconds>((*earliest)->at_.time_since_epoch()).count() + 1;
    itimerspec when{};
    when.it_value.tv_sec = at / 1'000'000'000;
    when.it_value.tv_nsec = at % 1'000'000'000;
    ::timerfd_settime(alarm_, TFD_TIMER_ABSTIME, &when, nullptr);
}

void Loop::post(Task task) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = tasks_.empty();
        tasks_.push_back(std::move(task));
    }
    if (first) {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(wake_, &one, sizeof one);
    }
}

bool Loop::add(int descriptor, Watch& watch) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &watch;
    return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

void Loop::remove(int descriptor, Watch& watch) noexcept {
    // Closing alone would not do where another process holds a copy of the descriptor.
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
    for (int i = next_; i < ready_; ++i) {
        epoll_event& event = events_[static_cast<std::size_t>(i)];
        if (event.data.ptr == &watch) {
            event.data.ptr = nullptr;
        }
    }
    if (watch.is_linked()) {
        watch.unlink();
    }
}

void Loop::again(Watch& watch) {
    if (!watch.is_linked()) {
        again_.push_back(watch);
    }
}

}  // namespace portal::net
