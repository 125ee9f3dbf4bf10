// The nodes: a small model of Redis on one thread, written by us, with several addresses (nodes) and one set of data.
// Honest in what a command means; hostile in how it is served, as far as its switches say.
#pragma once

#include "chance.hpp"
#include "ledger.hpp"
#include "node_connection.hpp"
#include "node_rules.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace portal::adversary {

/// A push of nobody's interest, and of no key.
inline constexpr std::string_view kNoise = ">2\r\n$5\r\nnoise\r\n$4\r\nnone\r\n";

class HostileNodes {
  public:
    HostileNodes(std::uint64_t seed, std::size_t nodes, Users users, const Switches& switches, Ledger& ledger);
    ~HostileNodes();
    HostileNodes(const HostileNodes&) = delete;
    HostileNodes& operator=(const HostileNodes&) = delete;

    // Any thread:
    [[nodiscard]] std::uint16_t port(std::size_t node) const { return nodes_[node]->port; }
    void set_switches(const Switches& switches);
    /// That node leads; all others follow it.
    void lead(std::size_t node);
    /// Changes users. `gone`: connections of that user are closed, as Redis does when a user is deleted.
    template <typename Change>
    void change_users(Change&& change) {
        const std::lock_guard lock(mutex_);
        change(users_);
    }
    void close_connections_of(std::uint32_t user);
    [[nodiscard]] User user(std::uint32_t index) const;
    /// Nobody asks for that key any more.
    void forget(std::uint32_t database, const std::string& key);
    void close_all();
    [[nodiscard]] std::size_t connections() const;
    [[nodiscard]] std::uint64_t commands() const noexcept { return commands_.load(); }
    /// The most times that any one deadly read was asked for.
    [[nodiscard]] std::uint32_t most_deadly_reads() const;
    /// The last commands and what came of them, for people.
    [[nodiscard]] std::vector<std::string> trace() const;

  private:
    struct Node {
        int listener = -1;
        std::uint16_t port = 0;
        bool leads = false;
    };

    // --- hostile_nodes.cpp: sockets
    void run();
    void accept_all(std::size_t node);
    void read_from(Connection& connection);
    void serve(Connection& connection);
    void write_to(Connection& connection);
    void send(Connection& connection, std::string bytes);
    void close(Connection& connection);
    void do_hostile(Connection& connection, std::string& reply);
    void expire_blocked(Connection& connection, Clock::time_point now);
    void note(const Connection& connection, const Words& words, std::string_view reply);

    // --- node_commands.cpp: what a command means
    std::string answer(Connection& connection, const Words& words);
    std::optional<std::string> refusal(Connection& connection, const Words& words, std::string_view name);
    std::string refused(Connection& connection, const Words& words, std::string_view name, std::string_view text);
    std::string execute(Connection& connection, const Words& words, std::string_view name);
    std::string execute_login(Connection& connection, const Words& words, std::string_view name);
    std::string execute_client(Connection& connection, const Words& words);
    std::string execute_transaction(Connection& connection, const Words& words, std::string_view name);
    std::string execute_script(Connection& connection, const Words& words);
    std::string hello(Connection& connection, const Words& words);
    void reset(Connection& connection);

    // --- node_data.cpp: keys, lists, messages, invalidations
    std::string execute_data(Connection& connection, const Words& words, std::string_view name);
    std::string execute_list(Connection& connection, const Words& words, std::string_view name);
    std::string block(Connection& connection, const Words& words);
    std::string execute_pubsub(Connection& connection, const Words& words, std::string_view name);
    std::string set_tracking(Connection& connection, const Words& words);
    void check_place(const Connection& connection, const Words& words, bool writes);
    void count_marks(Connection& connection, const Words& words);
    void touched(Connection& by, std::uint32_t database, const std::string& key);
    void read_by(Connection& connection, const std::string& key);
    void wake_blocked(std::uint32_t database, const std::string& key);
    void publish(const std::string& channel, const std::string& message, std::int64_t& receivers);
    void push(Connection& to, std::string_view frame);
    [[nodiscard]] Connection* find(std::uint64_t id);

    mutable std::mutex mutex_;
    Chance chance_;
    Switches switches_;
    Users users_;
    Ledger& ledger_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::array<Database, kDatabases> data_;
    std::map<std::string, std::uint32_t> deadly_reads_;
    std::uint64_t next_id_ = 100;
    std::deque<std::string> trace_;
    bool tracing_ = false;
    std::atomic<std::uint64_t> commands_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

/// A word of a portal's own: 32 hexadecimal digits.
[[nodiscard]] bool is_fence_word(std::string_view word);
[[nodiscard]] bool is_write(std::string_view name);

}  // namespace portal::adversary
