#include "tests/fuzz/fixed_world.hpp"

#include "observe/log.hpp"

#include <cstdint>
#include <random>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace portal::fuzz {
namespace {

/// Long after zero, which means "never".
constexpr std::chrono::seconds kBegin{100};
std::chrono::nanoseconds now = kBegin;
std::minstd_rand nonces;
int alarm = -1;                       // of the loop
std::chrono::nanoseconds rings_at{};  // zero: not at all

/// The kernel's clock is another one: its timer is set, to a time long past, when this clock says that it is due.
void ring_if_due() noexcept {
    if (rings_at != std::chrono::nanoseconds::zero() && rings_at <= now) {
        rings_at = {};
        itimerspec long_past{};
        long_past.it_value.tv_nsec = 1;
        ::syscall(SYS_timerfd_settime, alarm, TFD_TIMER_ABSTIME, &long_past, nullptr);
    }
}

}  // namespace

void begin_world() noexcept {
    now = kBegin;
    rings_at = {};
    nonces.seed(1);
}

void pass_time(std::chrono::nanoseconds time) noexcept {
    now += time;
    ring_if_due();
}

}  // namespace portal::fuzz

namespace std::chrono {
inline namespace _V2 {

steady_clock::time_point steady_clock::now() noexcept {
    return time_point(portal::fuzz::now);
}

}  // namespace _V2
}  // namespace std::chrono

extern "C" ssize_t getrandom(void* into, size_t size, unsigned /*flags*/) {
    auto* bytes = static_cast<unsigned char*>(into);
    for (size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<unsigned char>(portal::fuzz::nonces() >> 8U);
    }
    return static_cast<ssize_t>(size);
}

extern "C" int timerfd_settime(int descriptor, int /*flags*/, const itimerspec* when, itimerspec* /*old*/) noexcept {
    portal::fuzz::alarm = descriptor;
    portal::fuzz::rings_at =
        std::chrono::seconds(when->it_value.tv_sec) + std::chrono::nanoseconds(when->it_value.tv_nsec);
    portal::fuzz::ring_if_due();
    return 0;
}

/// No log: it has a thread, which waits by the clock.
void portal::observe::log(LogLevel /*level*/, std::string_view /*source*/, std::string_view /*message*/,
                          std::initializer_list<Field> /*fields*/) {}

void portal::observe::log_repeated(LogLevel /*level*/, std::string_view /*source*/, std::string_view /*message*/,
                                   const Field& /*subject*/, std::initializer_list<Field> /*fields*/) {}

void portal::observe::log_left_out() {}
