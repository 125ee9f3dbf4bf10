// A real redis-server on loopback for one test, with its own folder. Killed and started again at will; gone with the
// object.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace portal::testing {

/// A folder that is removed with the object.
class ScratchFolder {
  public:
    ScratchFolder();
    ~ScratchFolder();
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

/// A process that ends with the object, and with this program.
class ChildProcess {
  public:
    ChildProcess() = default;
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    void spawn(std::vector<std::string> words);
    void kill();
    void signal(int number);

  private:
    pid_t pid_ = -1;
};

/// A port that nothing listened on a moment ago.
std::uint16_t free_port();

class RedisProcess {
  public:
    /// Why these tests cannot run here; empty when redis-server is installed.
    static std::string unavailable();

    explicit RedisProcess(std::filesystem::path folder);

    /// Starts it as a replica of nobody reachable, as redis-portal's nodes boot, plus `options`; returns once it
    /// answers.
    void start(const std::vector<std::string>& options = {});
    /// Starts it as a bare server, which leads.
    void start_bare(const std::vector<std::string>& options = {});
    void kill();
    void pause();
    void resume();
    void wipe();

    /// One command and its reply as text; nothing when it does not answer.
    std::optional<std::string> ask(const std::vector<std::string>& command) const;
    /// The value of one line of INFO.
    [[nodiscard]] std::string info(const std::string& key) const;
    [[nodiscard]] std::uint16_t port() const { return port_; }

  private:
    void launch(std::vector<std::string> arguments);

    std::filesystem::path folder_;
    std::uint16_t port_;
    ChildProcess process_;
};

}  // namespace portal::testing
