// Clients that write and read through the portals while a demo runs, and check what they read: a witness of what
// applications see when something is killed. Each client has a thread, a key and a connection of its own.
#pragma once

#include "demo/portal_client.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace portal::demo {

/// What all clients have seen together.
struct Witnessed {
    std::uint64_t commands = 0;           // answered
    std::uint64_t errors = 0;             // answers that were errors, without the next
    std::uint64_t in_doubt = 0;           // writes of which nobody knows whether they ran
    std::uint64_t lost = 0;               // answered writes that were not there any more
    std::uint64_t reconnects = 0;         // connections that were made anew
    std::chrono::milliseconds longest{};  // that any command has waited since the last look
};

class Traffic {
  public:
    struct Plan {
        std::vector<std::uint16_t> ports;  // of the portals, which clients take in turn
        std::filesystem::path ca_file;
        std::string password;
        unsigned clients = 4;
    };
    /// Begins at once.
    explicit Traffic(Plan plan);
    ~Traffic();
    Traffic(const Traffic&) = delete;
    Traffic& operator=(const Traffic&) = delete;

    /// The longest wait counts from the last call on, a wait that goes on included.
    [[nodiscard]] Witnessed look();

  private:
    using Clock = std::chrono::steady_clock;

    /// One client's present command.
    struct Asking {
        std::atomic<Clock::duration::rep> since{0};  // 0: none
    };

    void run(unsigned client);
    /// One round of one client: a write, and a read that checks it. False: the connection is gone.
    bool round(PortalClient& connection, unsigned client, std::uint64_t& sent, std::uint64_t& confirmed);
    std::optional<PortalClient::Reply> ask(PortalClient& connection, unsigned client,
                                           const std::vector<std::string>& words);
    [[nodiscard]] bool ends() const noexcept { return ends_.load(std::memory_order_relaxed); }

    const Plan plan_;
    std::shared_ptr<ssl_ctx_st> trust_;
    std::atomic<bool> ends_ = false;
    std::mutex mutex_;
    Witnessed seen_;
    std::vector<Asking> asking_;
    std::vector<std::thread> threads_;
};

/// One line for people: `1,204 commands/s, 0 errors, longest wait 1 ms, redis-0 leads`.
std::string traffic_line(const Witnessed& now, std::uint64_t commands_before, std::chrono::milliseconds between,
                         const std::string& leader);

}  // namespace portal::demo
