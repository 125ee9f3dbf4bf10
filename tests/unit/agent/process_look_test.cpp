// A real child in each state, and files that look like /proc for what cannot be made here.
#include "agent/process_look.hpp"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

namespace portal::agent {
namespace {

class ProcessLook : public ::testing::Test {
  protected:
    ProcessLook() : folder(std::filesystem::temp_directory_path() / ("look." + std::to_string(getpid()))) {
        std::filesystem::create_directories(folder);
    }
    ~ProcessLook() override {
        if (child > 0) {
            kill(child, SIGKILL);
            waitpid(child, nullptr, 0);
        }
        std::filesystem::remove_all(folder);
    }
    void start(void (*what)()) {
        child = fork();
        if (child == 0) {
            what();
            _exit(0);
        }
    }
    ProcessId found() const { return find_process(static_cast<std::uint64_t>(child), 0).value_or(ProcessId{}); }
    static bool becomes(const ProcessId& process, const std::string& wanted) {
        for (int i = 0; i < 500; ++i) {
            if (look_at(process) == wanted) {
                return true;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return false;
    }
    void write(const std::string& path, const std::string& text) const {
        std::filesystem::create_directories((folder / path).parent_path());
        std::ofstream(folder / path) << text;
    }

    std::filesystem::path folder;
    pid_t child = 0;
};

[[noreturn]] void burn() {
    for (;;) {
        (void)getppid();
    }
}
[[noreturn]] void sleep_on() {
    for (;;) {
        pause();
    }
}

TEST_F(ProcessLook, tells_one_that_burns_processor_time_from_one_that_waits) {
    start(burn);
    EXPECT_TRUE(becomes(found(), "working"));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    start(sleep_on);
    EXPECT_TRUE(becomes(found(), "idle"));
}

TEST_F(ProcessLook, tells_a_stopped_one_and_one_that_goes_on) {
    start(burn);
    const auto process = found();
    kill(child, SIGSTOP);
    EXPECT_TRUE(becomes(process, "stopped"));
    kill(child, SIGCONT);
    EXPECT_TRUE(becomes(process, "working"));
}

TEST_F(ProcessLook, tells_one_that_has_ended_also_before_anybody_has_asked_how) {
    start(sleep_on);
    const auto process = found();
    kill(child, SIGKILL);
    EXPECT_TRUE(becomes(process, "ended"));
    waitpid(child, nullptr, 0);
    EXPECT_EQ(look_at(process), "ended");
}

TEST_F(ProcessLook, a_number_that_another_process_has_is_not_taken_for_the_node) {
    start(sleep_on);
    const auto number = static_cast<std::uint64_t>(child);
    EXPECT_TRUE(find_process(number, 0));
    EXPECT_FALSE(find_process(number, 3600)) << "Redis says that it is an hour old";
    EXPECT_FALSE(find_process(0, 0));
    EXPECT_EQ(look_at({number, found().started + 1}), "ended");
}

TEST_F(ProcessLook, sees_what_a_control_group_and_a_core_file_do) {
    const std::string name = "(redis ) server)";
    const std::string fields = " 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0";
    const ProcessId process{7, 4711};
    const auto look = [&] { return look_at(process, folder / "proc", folder / "cgroup"); };
    write("proc/7/stat", "7 " + name + " S" + fields);
    EXPECT_EQ(look(), "idle");
    write("proc/7/cgroup", "0::/pod/redis\n");
    write("cgroup/pod/redis/cgroup.events", "populated 1\nfrozen 0\n");
    EXPECT_EQ(look(), "idle");
    write("cgroup/pod/redis/cgroup.events", "populated 1\nfrozen 1\n");
    EXPECT_EQ(look(), "stopped");
    write("proc/7/cgroup", "9:cpu,cpuacct:/pod\n5:freezer:/pod\n");
    write("cgroup/freezer/pod/freezer.state", "FROZEN\n");
    EXPECT_EQ(look(), "stopped");
    write("cgroup/freezer/pod/freezer.state", "THAWED\n");
    write("proc/7/stat", "7 " + name + " D" + fields);
    EXPECT_EQ(look(), "working") << "it waits for a disk";
    write("proc/7/status", "Name:\tredis\nCoreDumping:\t1\n");
    EXPECT_EQ(look(), "ended");
}

}  // namespace
}  // namespace portal::agent
