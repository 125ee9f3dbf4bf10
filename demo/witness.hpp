// Tells in one line, renewed every second, what the clients of a demo see, and in a line of its own what a change of
// leader was to them.
#pragma once

#include "demo/local_cluster.hpp"
#include "demo/traffic.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace portal::demo {

/// Lines for people. On a terminal the last one can be written over.
class Screen {
  public:
    Screen();
    /// A line that stays.
    void say(const std::string& line);
    /// A line that the next one replaces. Where it cannot be replaced, only every fifth is written.
    void show(const std::string& line);

  private:
    const bool terminal_;
    bool shown_ = false;
    unsigned left_out_ = 0;
};

class Witness {
  public:
    Witness(const LocalCluster& cluster, const std::filesystem::path& ca_file, Screen& screen);
    /// To be called about once a second.
    void look();

  private:
    using Clock = std::chrono::steady_clock;
    [[nodiscard]] std::string leader() const;

    const LocalCluster& cluster_;
    Screen& screen_;
    Traffic traffic_;
    std::uint64_t commands_ = 0;  // at the last look
    Clock::time_point looked_at_ = Clock::now();
    std::string leader_;
    std::chrono::milliseconds longest_{};  // since there was no leader, or another one
    bool told_of_loss_ = false;
};

}  // namespace portal::demo
