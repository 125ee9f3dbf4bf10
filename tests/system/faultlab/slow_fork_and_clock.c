/* Preloaded into the processes of the fault lab: a fork() that takes its time, and a wall clock that is wrong.
 *
 * LAB_TRICKS names a file of two 64-bit numbers that the lab changes while we run: milliseconds that fork() takes, and
 * seconds by which CLOCK_REALTIME is off. The monotonic clocks stay as they are, as on a machine whose date is set. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct tricks {
    int64_t fork_takes;
    int64_t clock_is_off;
};
static const struct tricks none;
static const volatile struct tricks* tricks = &none;

__attribute__((constructor)) static void map_tricks(void) {
    const char* path = getenv("LAB_TRICKS");
    const int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) {
        return;
    }
    void* mapped = mmap(NULL, sizeof(struct tricks), PROT_READ, MAP_SHARED, fd, 0);
    if (mapped != MAP_FAILED) {
        tricks = mapped;
    }
    close(fd);
}

pid_t fork(void) {
    const int64_t takes = tricks->fork_takes;
    const struct timespec wait = {takes / 1000, takes % 1000 * 1000000};
    if (takes > 0) {
        nanosleep(&wait, NULL);
    }
    return ((pid_t(*)(void))dlsym(RTLD_NEXT, "fork"))();
}

int clock_gettime(clockid_t clock, struct timespec* now) {
    static int (*real)(clockid_t, struct timespec*);
    if (real == NULL) {
        real = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
    }
    const int result = real(clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        now->tv_sec += tricks->clock_is_off;
    }
    return result;
}

int gettimeofday(struct timeval* restrict now, void* restrict zone) {
    (void)zone;
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t* out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}
