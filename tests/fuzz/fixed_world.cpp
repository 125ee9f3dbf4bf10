#include "tests/fuzz/fixed_world.hpp"

#include "observe/log.hpp"

#include <cstdint>
#include <random>
#include <sys/random.h>

namespace portal::fuzz {
namespace {

/// Long after zero, which means "never", and long before the kernel's own clock: to the kernel every timer is due, so
/// that a loop never sleeps, and looks at this clock to see what is due.
constexpr std::chrono::seconds kBegin{100};
std::chrono::nanoseconds now = kBegin;
std::minstd_rand nonces;

}  // namespace

void begin_world() noexcept {
    now = kBegin;
    nonces.seed(1);
}

void pass_time(std::chrono::nanoseconds time) noexcept {
    now += time;
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

/// No log: it has a thread, which waits by the clock.
void portal::observe::log(LogLevel /*level*/, std::string_view /*source*/, std::string_view /*message*/,
                          std::initializer_list<Field> /*fields*/) {}
