// The world that the decisions are run against: nodes, portals, the arbiter's store and the network between them, in
// virtual time. Breaks things by chance, mends them, and looks on: what must never happen is checked where it would
// happen. The same options give the same run. One thread.
#pragma once

#include "events.hpp"
#include "node.hpp"
#include "sentinel/arbiter/arbiter.hpp"
#include "sentinel/view.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace portal::simulation {

class Portal;

/// A rule of the product that is taken away, to see that the checks notice. Applied in portal.cpp and world.cpp alone.
enum class Without : std::uint8_t {
    nothing,
    expiry_of_the_permit,           // a portal forwards under a record that it confirmed long ago
    waiting_for_marks,              // a failover does not wait until the others have stopped
    time_from_before_the_question,  // what the arbiter says counts from its answer
    the_record_before_promotion,    // a write of the record that failed is taken for done
    compare_and_swap,               // the store takes every write
    the_in_sync_set,                // any node may be promoted
    memory_of_the_data,             // a node that came back empty counts as any other
    proof_by_the_replica,           // writes are acknowledged when the leader has them
    takeover_of_the_role,           // nobody takes the role from a portal that is gone
    doubt_of_restarted_nodes,       // with proven writes, a restarted node is trusted for its offset
    the_word_of_the_joining,        // a reply does not wait for nodes that are about to be in sync
    patience_with_the_busy,         // a leader that is busy counts as dead, with busy faults alone
    the_look_for_twins,             // two names of one process count as two nodes, with misled names alone
    the_wait_for_failsafe           // a portal that says nothing counts as fenced after a while, with failsafe, too
};

[[nodiscard]] inline bool names(const std::vector<std::string>& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

struct Options {
    std::uint64_t seed = 1;
    std::size_t nodes = 2;
    std::size_t portals = 2;
    bool failsafe = false;
    /// Off: a write counts as confirmed, and must survive, once every node of the in-sync set has it. Else the portals
    /// release replies by the product's own proof.
    sentinel::ProvenWrites proven = sentinel::ProvenWrites::off;
    /// Largest difference of a portal's clock rate from true time.
    double drift = 0.0005;
    Time faults_for{seconds(40)};
    /// After the faults: the time in which one leader must be served by all portals.
    Time mended_within{seconds(40)};
    /// How often each kind of fault comes, of all of them together.
    struct Weights {
        unsigned node = 32, portal = 20, network = 20, store = 12, lag = 8, switchover = 8, busy = 0, misled = 0;
    } weights;
    /// Nodes may be busy: the portals tell that from death, with the default of `monitor.busy_after`. Else it is 0.
    bool busy = false;
    Time busy_most{seconds(14)};
    bool nothing_but_busy = false;  // then no leader may be changed before its time
    Time rest_between_faults{milliseconds(4500)};
    Without without = Without::nothing;
    bool trace = false;
};

struct Outcome {
    std::vector<std::string> violations;  // with their times
    std::uint64_t steps = 0;
    std::uint64_t failovers = 0;
    std::uint64_t acknowledged = 0;
    /// Of them: lost by the restarts of a node that was promoted all the same, as happens without proven writes alone.
    std::uint64_t excused = 0;
    std::uint64_t faults = 0;
    Time lasted{0};
    Time mended_after{0};
};

class World {
  public:
    explicit World(Options options);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    Outcome run();

    // For the portals.
    Events events;
    Chance chance;
    const Options options;
    sentinel::Timing timing;

    /// Carries `what` from one place to another: late when it must be, not at all after `expires`.
    void send(std::size_t from, std::size_t to, Time expires, std::function<void()> what);
    /// The same to a node, whose process may be gone (`refused` travels back) or paused (it waits there).
    void ask_node(std::size_t from, std::size_t node, Time expires, std::function<void()> what,
                  std::function<void()> refused);
    [[nodiscard]] std::size_t place_of_store() const { return nodes.size() + portals.size(); }
    [[nodiscard]] std::size_t place_of_portal(std::size_t index) const { return nodes.size() + index; }
    [[nodiscard]] bool open(std::size_t from, std::size_t to) const { return !cut_.contains({from, to}); }
    [[nodiscard]] Node* node(const std::string& name) const;
    /// The process that the address of that node leads to.
    [[nodiscard]] std::size_t index_of(const std::string& node) const;
    [[nodiscard]] std::size_t reached(std::size_t index) const;
    void told_to_follow_itself(const std::string& node);

    std::vector<std::unique_ptr<Node>> nodes;
    std::vector<std::unique_ptr<Portal>> portals;

    // The store.
    enum class StoreState : std::uint8_t { fine, slow, refusing, silent };
    [[nodiscard]] StoreState store_state() const { return store_state_; }
    [[nodiscard]] sentinel::Snapshot snapshot() const;
    sentinel::WriteStatus swap(sentinel::Record record, const std::string& expected, std::string& version);
    void put_mark(const sentinel::Mark& mark);

    // What is looked at.
    void forwards(const std::string& portal, const std::string& leader, replication::Epoch epoch);
    /// A portal tells a node to lead, for this epoch of the record.
    enum class Promotion : std::uint8_t { chosen, handed_over, named_by_operator };
    void promoting(const std::string& portal, const std::string& node, const sentinel::Record& record,
                   Promotion promotion);
    /// The operator asks for a node to lead, whatever it lacks, in an epoch that has no leader.
    void operator_names(const std::string& node, replication::Epoch epoch) { named_.insert({epoch, node}); }
    void acknowledged(WriteId id);
    WriteId next_write() { return ++writes_; }
    void say(const std::string& sentence);

  private:
    void violation(const std::string& what);
    void changed();
    void replicate(std::size_t index);
    void break_something();
    void break_node(std::size_t index);
    void break_portal(std::size_t index);
    void break_network();
    void keep_busy(std::size_t index);
    void mislead(std::size_t index);
    void look_at_change();
    void break_store();
    void mend_everything();
    void resume(Node& node);
    void look_for_losses();
    void excuse(const Node& chosen, const sentinel::Record& record);
    [[nodiscard]] bool may_damage(std::size_t index) const;
    [[nodiscard]] bool served_by_all() const;
    [[nodiscard]] Time later(Time from, Time to);

    std::set<std::pair<std::size_t, std::size_t>> cut_;
    std::map<std::size_t, std::size_t> misled_;  // addresses that lead to the process of another node
    double loss_ = 0;
    Time lag_{milliseconds(20)};
    bool mended_ = false;

    StoreState store_state_ = StoreState::fine;
    std::optional<sentinel::Record> record_;
    std::uint64_t version_ = 0;
    std::map<std::string, sentinel::Mark> marks_;

    WriteId writes_ = 0;
    std::vector<WriteId> acknowledged_;
    replication::Epoch promoted_{0};                              // the newest epoch for which a node was told to lead
    std::set<std::pair<replication::Epoch, std::string>> named_;  // by the operator
    std::set<std::uint64_t> fenced_;                              // epochs that the store has held in phase fencing
    std::map<std::uint64_t, std::string> leaders_;
    struct Busy {
        Time since{0};
        Time until = Time::max();
    };
    std::map<std::string, Busy> busy_;            // the last time of each node
    std::map<std::string, Time> in_reach_since_;  // of nodes that nothing has been wrong with
    Outcome outcome_;
};

}  // namespace portal::simulation
