// A simulated portal: the product's own decisions (standing, failover, nodes' accounts, permit), called in the order in
// which the monitor calls them, with simulated calls in between; and a stream of writes that it forwards. Its clock
// runs at a rate of its own.
#pragma once

#include "events.hpp"
#include "node.hpp"
#include "replication/forward_permit.hpp"
#include "sentinel/failover.hpp"
#include "sentinel/node_account.hpp"
#include "sentinel/standing.hpp"
#include "task.hpp"
#include "upstream/write_proof.hpp"
#include "world.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace portal::simulation {

class Portal {
  public:
    Portal(World& world, std::size_t index, double rate);

    void start();
    void crash();
    void pause();
    void resume();
    [[nodiscard]] bool running() const { return life_ != nullptr; }
    [[nodiscard]] bool paused() const { return paused_; }
    void store_changed();
    void ask_switchover(std::string to);

    [[nodiscard]] const std::string& name() const { return name_; }
    /// The leader that it acknowledged a write of, in the last moments; empty when none.
    [[nodiscard]] std::string serves() const;

    /// Where it stands, for people.
    [[nodiscard]] std::string describe() const;

  private:
    struct Watched {
        Watched(const Node& node, const sentinel::Timing& timing, sentinel::TimePoint now)
            : account({node.name(), {node.name(), 6379}}, timing, now) {}
        sentinel::NodeAccount account;
        bool in_round = false;
        bool again = false;
        SlotPtr<bool> rest;
        bool connected = false;
        std::string run;  // of the process that it is connected to
    };
    struct Flying {
        std::string leader;
        replication::Epoch epoch{0};
        bool answered = false;
        upstream::Ticket ticket{0};
    };
    /// One process, from start to death.
    struct Life {
        Life(const std::string& name, const sentinel::Timing& timing, sentinel::TimePoint now)
            : standing(name, timing, now), failover(timing), pauses(timing.down_after / 2, now) {
            if (timing.proven != sentinel::ProvenWrites::off) {
                proof.emplace(timing.proven == sentinel::ProvenWrites::strict);
            }
        }
        sentinel::Standing standing;
        sentinel::Failover failover;
        sentinel::PauseGuard pauses;
        replication::ForwardPermit permit;
        std::deque<Watched> nodes;
        bool record_due = true;
        bool turn_again = false;
        bool woken = false;
        SlotPtr<bool> rest;
        std::optional<sentinel::TimePoint> look_again;
        replication::TopologyPtr routed;  // by the shards
        Time routed_at{0};                // topologies come to the shards in their order
        std::map<WriteId, Flying> flying;
        std::optional<upstream::WriteProof> proof;
        std::string proof_leader;  // at the end of its link, and the process there
        std::string proof_run;
        std::uint64_t proof_links = 0;  // grows with each: answers of an earlier one come to nothing
        bool finishing = false;         // the leader is being replaced
        std::string wants_id;
        std::string why;  // of the last decision
        std::vector<Task<void>> tasks;
    };
    /// ROLE, WAIT, ROLE on its way.
    struct Round {
        std::size_t index = 0;
        std::uint64_t link = 0;
        std::string run;
        std::optional<upstream::LeaderRole> before;
        std::size_t replicas = 0;
        Time until{0};
    };
    struct Outcome {
        std::string error;
        std::optional<replication::NodeReport> report;
        sentinel::TimePoint asked_at;
    };

    // The process and its clock.
    [[nodiscard]] sentinel::TimePoint now() const;
    [[nodiscard]] Time true_time(sentinel::Milliseconds local) const;
    std::function<void()> here(std::function<void()> what);
    std::function<void()> within(std::weak_ptr<Life> life, std::function<void()> what);
    void later(sentinel::Milliseconds local, std::function<void()> what);
    Task<void> sleep(sentinel::TimePoint until, SlotPtr<bool> slot);
    [[nodiscard]] std::size_t place() const { return world_.place_of_portal(index_); }

    // As the monitor does it.
    Task<void> run();
    Task<void> turn();
    Task<void> confirm();
    Task<void> keep_role();
    Task<bool> commit(sentinel::Record next, std::string holder);
    Task<void> beat(sentinel::View view);
    void answer_after_doing(std::function<void()> answer);
    Task<bool> act(sentinel::Decision decision);
    Task<bool> carry_out(sentinel::Action action);
    Task<bool> hand_over(sentinel::HandOver move);
    Task<Outcome> tell_to_lead(std::string node, World::Promotion promotion);
    Task<Outcome> command(std::string node, std::function<void(Node&)> what);
    sentinel::View look();
    std::vector<sentinel::NodeView> seen_nodes();
    void publish_what_holds(const sentinel::View& view);
    [[nodiscard]] std::string replication_target(const std::string& host) const;
    void accept(Watched& node, const Outcome& outcome);
    void observe(sentinel::Observation observation);
    void settle_request();
    void notice_pause();
    void tick();
    void wake();

    // Probes.
    Task<void> probe(Watched* watched, std::size_t configured);
    struct Question {
        std::size_t index = 0;
        std::string node;
        std::string run;  // of the process at the other end of the connection
        sentinel::TimePoint asked_at;
        sentinel::KernelSigns signs;
    };
    void look_after(std::shared_ptr<Question> question, SlotPtr<sentinel::Observation> slot);
    void probe_now(const std::string& node);
    Watched* find(const std::string& node);

    // The data path.
    void route(replication::TopologyPtr topology, std::uint64_t serial);
    void drain(std::uint64_t serial, Time until);
    void forward();
    void answered(WriteId id);
    void acknowledge(WriteId id);
    void prove();
    // portal_proof.cpp: proven writes, as in proxy/upstream/proof_link.cpp
    [[nodiscard]] bool permitted() const;
    void require(const replication::Topology& topology);
    void connect_proof();
    void lose_proof();
    void keep_proof();
    void begin_round();
    void wait_for_replicas(std::weak_ptr<Life> life, Round round);
    void release();

    World& world_;
    std::size_t index_;
    std::string name_;
    double rate_;
    std::shared_ptr<Life> life_;
    bool paused_ = false;
    std::vector<std::function<void()>> waiting_;
    std::uint64_t requests_ = 0;
    std::string served_;
    Time served_at_{-1};
};

}  // namespace portal::simulation
