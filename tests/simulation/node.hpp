// A simulated redis-server: its data is a log of writes, its replication follows Redis's rules (histories, partial and
// full synchronization, pings each second). It knows no portal. Driven by the world.
#pragma once

#include "events.hpp"
#include "replication/info_parser.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace portal::simulation {

/// Number of a write; 0 is a ping of the leader, which moves offsets and leaves no key.
using WriteId = std::uint32_t;

enum class Restart : std::uint8_t { kept, rewound, empty };

class Node {
  public:
    Node(std::string name, Chance& chance) : name_(std::move(name)), chance_(chance) { begin(); }

    // The process.
    void crash();
    /// Comes back as a replica of nobody reachable. `remembers`: the history and the offset are on its disk, too.
    void restart(Restart how, bool remembers);
    [[nodiscard]] bool running() const { return running_; }
    bool paused = false;
    bool acknowledges = false;  // while paused: it is merely busy, and its machine takes what it is sent
    /// What arrived while it was paused; run by the world when it goes on.
    std::vector<std::function<void()>> waiting;

    // Commands.
    bool write(WriteId id);  // false: it does not lead, or writes are paused
    void replicaof(const std::string& leader);
    void lead();
    Time writes_paused_until{0};
    [[nodiscard]] replication::NodeReport info(Time now) const;

    // Replication, as the replica's side of it: one look at the leader. `hears` and `is_heard`: the network's two ways.
    void follow(Node* leader, bool hears, bool is_heard, Time now);
    void forget(const std::string& replica) { replicas_.erase(replica); }
    void ping(Time now);  // as a leader, once a second

    [[nodiscard]] std::string describe(Time now) const;
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] bool leads() const { return role_ == replication::Role::leader; }
    [[nodiscard]] const std::string& leader() const { return leader_; }
    [[nodiscard]] std::size_t keys() const;
    [[nodiscard]] bool holds(WriteId id) const;
    [[nodiscard]] const std::vector<WriteId>& log() const { return log_; }
    /// What its restarts lost since it last had all that its leader had.
    [[nodiscard]] const std::vector<WriteId>& dropped() const { return dropped_; }
    [[nodiscard]] const std::string& run_id() const { return run_id_; }
    /// As WAIT does: replicas say at once how far they are. It is part of the stream.
    void ask_replicas(Time now);
    /// It lost something by a restart and has not had a full copy of a leader since.
    [[nodiscard]] bool damaged() const { return damaged_; }
    [[nodiscard]] std::uint64_t offset() const { return offset_; }
    [[nodiscard]] Time up_since() const { return up_since_; }
    Time moment{0};  // the present, kept by the world

  private:
    struct Listed {
        std::string run_id;
        std::string state;
        std::uint64_t offset = 0;
        Time acknowledged{-1};
        bool asked = false;  // to acknowledge at once
    };

    void begin();
    std::string fresh(const char* what);
    void append(WriteId id);
    void lose_link();
    bool shake_hands(Node& leader);

    std::string name_;
    Chance& chance_;
    bool running_ = true;
    Time up_since_{0};
    std::string run_id_;
    replication::Role role_ = replication::Role::replica;
    std::string leader_ = "nobody";
    std::string replid_;
    std::string former_replid_;
    std::int64_t former_offset_ = -1;
    std::uint64_t offset_ = 0;
    std::vector<WriteId> log_;
    std::size_t keys_ = 0;
    std::vector<WriteId> dropped_;
    bool damaged_ = false;

    bool link_up_ = false;
    std::string link_run_id_;  // the leader's process that the link was made with
    std::uint64_t link_roles_ = 0;
    std::uint64_t roles_ = 0;  // grows with each change of role: links of replicas do not survive it
    Time heard_{0};
    Time synced_at_{-1};  // when the full synchronization that goes on will be done
    Time acknowledge_at_{0};
    Time ping_at_{0};
    std::map<std::string, Listed> replicas_;
};

}  // namespace portal::simulation
