// The event loop of one thread: descriptors, timers, and tasks from other threads, over one epoll set. A descriptor is
// registered once, edge-triggered, and never armed again, so a request costs no call besides its reads and writes. All
// of it belongs to one thread but post().
#pragma once

#include "net/turn.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <sys/epoll.h>
#include <vector>

#include <boost/intrusive/list.hpp>

namespace portal::net {

class Loop {
  public:
    using Clock = std::chrono::steady_clock;
    using Task = std::function<void()>;

    /// Whoever owns a registered descriptor.
    class Watch : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
      public:
        Watch() = default;
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;
        /// Bytes, room for bytes, the peer's end or an error have come (EPOLLIN and the like) since the last call. The
        /// watch may be removed and destroyed in here.
        virtual void on_events(std::uint32_t events) = 0;

      protected:
        ~Watch() = default;
    };

    /// Calls back once after a time. Cancelled when destroyed.
    class Timer {
      public:
        explicit Timer(Loop& loop) noexcept : loop_(loop) {}
        ~Timer() { cancel(); }
        Timer(const Timer&) = delete;
        Timer& operator=(const Timer&) = delete;
        void start(Clock::duration after, Task task);
        void cancel() noexcept;

      private:
        friend class Loop;
        Loop& loop_;
        Clock::time_point at_{};
        Task task_;  // empty: not started
    };

    /// `turn` is begun before each event and flushed when all that were ready have been looked at. It outlives the
    /// loop. Throws std::system_error when the process has no descriptor left.
    explicit Loop(Turn& turn);
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// For `time` after the last event it looks again and again before it sleeps, which spares whoever waits for it the
    /// wake-up, and costs its processor. Zero: it sleeps at once. To be called before run().
    void set_busy_poll(Clock::duration time) noexcept { busy_poll_ = time; }

    /// Turns until stop() is called.
    void run();
    void stop() noexcept { stopped_ = true; }
    /// How often run() has gone to sleep. The loop's own thread.
    [[nodiscard]] std::uint64_t sleeps() const noexcept { return sleeps_; }

    /// Runs `task` as an event of its own. Any thread.
    void post(Task task);

    /// False when the kernel refuses.
    [[nodiscard]] bool add(int descriptor, Watch& watch);
    /// To be called before the descriptor is closed. `watch` is called no more, whatever was ready already.
    void remove(int descriptor, Watch& watch) noexcept;
    /// Calls `watch` in the next turn, behind what has become ready by then, though nothing new has happened.
    void again(Watch& watch);

  private:
    using Again = boost::intrusive::list<Watch, boost::intrusive::constant_time_size<false>>;
    struct Signal final : Watch {
        void on_events(std::uint32_t /*events*/) override { raised = true; }
        bool raised = false;
    };

    [[nodiscard]] bool looks_again() const noexcept;
    void dispatch(int ready);
    void call(Watch& watch, std::uint32_t events);
    void run_tasks();
    void run_timers();
    void set_alarm() noexcept;

    Turn& turn_;
    int epoll_ = -1;
    int wake_ = -1;   // eventfd
    int alarm_ = -1;  // timerfd for the earliest timer
    Signal woken_;
    Signal rang_;
    std::array<epoll_event, 128> events_{};
    int next_ = 0;  // of events_, which are being handed out
    int ready_ = 0;
    Again again_;                 // to be called in the next turn
    std::vector<Timer*> timers_;  // a handful
    bool stopped_ = false;
    Clock::duration busy_poll_{};
    std::uint64_t sleeps_ = 0;

    std::mutex mutex_;
    std::vector<Task> tasks_;
};

}  // namespace portal::net
