#include "demo/child_process.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace portal::demo {

namespace {

// Runs in the child between fork and exec: only calls that are safe there.
[[noreturn]] void become(char* const* argv, int log, int error_pipe, pid_t parent) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) {
        ::_exit(127);
    }
    struct sigaction by_default {};
    by_default.sa_handler = SIG_DFL;
    ::sigaction(SIGPIPE, &by_default, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);

    const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::execv(argv[0], argv);
    const int reason = errno;
    [[maybe_unused]] const auto written = ::write(error_pipe, &reason, sizeof reason);
    ::_exit(127);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& argv, const std::filesystem::path& log) {
    const int log_file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_file < 0) {
        throw ClusterError("cannot write " + log.string() + ": " + std::strerror(errno) + ".");
    }
    std::vector<std::string> words = argv;
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string& word : words) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);

    // The pipe closes by itself on a successful exec, and carries errno on a failed one.
    std::array<int, 2> error_pipe{};
    if (::pipe2(error_pipe.data(), O_CLOEXEC) != 0) {
        ::close(log_file);
        throw ClusterError(std::string("cannot make a pipe: ") + std::strerror(errno) + ".");
    }
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
        become(pointers.data(), log_file, error_pipe[1], parent);
    }
    const int fork_error = errno;
    ::close(log_file);
    ::close(error_pipe[1]);
    int exec_error = 0;
    const auto received = child > 0 ? ::read(error_pipe[0], &exec_error, sizeof exec_error) : 0;
    ::close(error_pipe[0]);
    if (child < 0) {
        throw ClusterError(std::string("cannot start a process: ") + std::strerror(fork_error) + ".");
    }
    if (received == sizeof exec_error) {
        ::waitpid(child, nullptr, 0);
        throw ClusterError("cannot run " + argv.front() + ": " + std::strerror(exec_error) + ".");
    }
    pid_ = child;
    running_ = true;
    started_ = Clock::now();
}

bool ChildProcess::reap() {
    if (!running_ || ::waitpid(pid_, &status_, WNOHANG) != pid_) {
        return false;
    }
    running_ = false;
    return true;
}

std::string ChildProcess::ending() const {
    return WIFSIGNALED(status_) ? "signal " + std::to_string(WTERMSIG(status_))
                                : "exit status " + std::to_string(WEXITSTATUS(status_));
}

void ChildProcess::signal(int number) const noexcept {
    if (running_) {
        ::kill(pid_, number);
    }
}

}  // namespace portal::demo
