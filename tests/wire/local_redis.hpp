// A real redis-server on a unix socket, for tests that compare with one.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace portal::testing {

/// The path of an installed program; empty when it is not installed.
inline std::string path_of_program(const std::string& name) {
    const char* path = std::getenv("PATH");
    std::istringstream folders(path == nullptr ? "" : path);
    for (std::string folder; std::getline(folders, folder, ':');) {
        std::string candidate = folder + "/" + name;
        if (access(candidate.c_str(), X_OK) == 0) {
            return candidate;
        }
    }
    return {};
}

/// A connected unix socket, or -1.
inline int connect_unix(const std::string& path) {
    const int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

/// In a folder of its own; gone with the object.
class LocalRedis {
  public:
    explicit LocalRedis(const std::string& program, const std::string& password = "") {
        std::string pattern = (std::filesystem::temp_directory_path() / "local_redis_XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) {
            return;
        }
        folder_ = pattern;
        const std::string log = (folder_ / "redis.log").string();
        pid_ = fork();
        if (pid_ == 0) {
            execl(program.c_str(), program.c_str(), "--port", "0", "--unixsocket", socket_path().c_str(), "--save", "",
                  "--appendonly", "no", "--dir", folder_.c_str(), "--logfile", log.c_str(), "--requirepass",
                  password.c_str(), nullptr);
            _exit(127);
        }
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (!up_ && std::chrono::steady_clock::now() < deadline) {
            if (const int descriptor = connect_unix(socket_path()); descriptor >= 0) {
                close(descriptor);
                up_ = true;
            } else {
                std::this_thread::sleep_for(std::chrono::milliseconds(10));
            }
        }
    }
    LocalRedis(const LocalRedis&) = delete;
    LocalRedis& operator=(const LocalRedis&) = delete;
    ~LocalRedis() {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    /// It has taken a connection within ten seconds.
    [[nodiscard]] bool up() const { return up_; }
    [[nodiscard]] std::string socket_path() const { return (folder_ / "redis.sock").string(); }

  private:
    std::filesystem::path folder_;
    pid_t pid_ = -1;
    bool up_ = false;
};

}  // namespace portal::testing
