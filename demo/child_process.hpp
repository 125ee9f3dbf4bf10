// One process that the demo started: its pid, and how it ended. The child dies with the demo (PR_SET_PDEATHSIG), has a
// process group of its own, so that Ctrl-C in a terminal reaches the demo alone, and writes its output to a file.
#pragma once

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <sys/types.h>
#include <vector>

namespace portal::demo {

/// What went wrong, as one sentence for the user.
class ClusterError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

class ChildProcess {
  public:
    using Clock = std::chrono::steady_clock;

    ChildProcess() = default;
    /// Starts argv[0] (a path); standard output and error are appended to `log`, standard input is /dev/null. To be
    /// called on the main thread: the kernel ties the child's life to the thread that forked. Throws ClusterError.
    ChildProcess(const std::vector<std::string>& argv, const std::filesystem::path& log);

    /// 0 when nothing was started. Keeps its value after the end.
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    [[nodiscard]] bool running() const noexcept { return running_; }
    [[nodiscard]] Clock::time_point started() const noexcept { return started_; }

    /// Collects the exit status if the process has ended since the last call: then returns true, once.
    bool reap();
    /// "signal 9" or "exit status 1"; for a process that has been reaped.
    [[nodiscard]] std::string ending() const;
    /// Sends a signal if the process still runs.
    void signal(int number) const noexcept;

  private:
    pid_t pid_ = 0;
    bool running_ = false;
    int status_ = 0;
    Clock::time_point started_{};
};

}  // namespace portal::demo
