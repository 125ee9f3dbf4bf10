// The inside of the monitor: one coroutine that reads the record, looks at the nodes, decides, acts and publishes, turn
// by turn. Everything here runs on the monitor's thread, except what says otherwise. monitor.cpp holds the turn;
// monitor_record.cpp what concerns the record and the marks; monitor_actions.cpp what is done to nodes;
// monitor_status.cpp what people see.
#pragma once

#include "sentinel/acting_role.hpp"
#include "sentinel/arbiter/arbiter_calls.hpp"
#include "sentinel/failover.hpp"
#include "sentinel/health.hpp"
#include "sentinel/monitor.hpp"
#include "sentinel/node_commands.hpp"
#include "sentinel/node_probe.hpp"

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace portal::sentinel {

class Monitor::Loop : public std::enable_shared_from_this<Loop> {
  public:
    Loop(const config::Config& config, std::unique_ptr<Arbiter> arbiter,
         std::shared_ptr<replication::ForwardPermit> permit, Publish publish);

    // Any thread.
    void start();
    void stop();
    void report_trouble(std::string node, std::string what);
    void switchover(std::optional<std::string> to, std::function<void(std::string)> done);
    [[nodiscard]] boost::json::object status() const;

  private:
    struct WatchedNode {
        WatchedNode(config::Node configured, const Timing& timing, TimePoint now);

        config::Node config;
        NodeView view;
        NodeHealth health;
        Health last_health = Health::suspected;
        std::shared_ptr<NodeProbe> probe;
        std::map<ProbeResult, std::uint64_t> probes;
    };
    struct Published {
        replication::TopologyPtr topology;
        std::uint64_t serial = 0;
        std::uint64_t applied = 0;  // serial of the newest one that every shard has applied
    };
    struct Request {
        std::string id;
        std::string to;
        std::function<void(std::string)> done;
        TimePoint deadline;
    };

    // The turn.
    boost::asio::awaitable<void> run();
    boost::asio::awaitable<void> turn();
    boost::asio::awaitable<void> rest();
    boost::asio::awaitable<void> farewell();
    void wake();
    void tick();
    void notice_pause();
    void observe(Observation observation);
    [[nodiscard]] View look();
    void publish_what_holds(const View& view);
    void publish(replication::Topology topology);

    // The record and the marks.
    boost::asio::awaitable<void> confirm();
    boost::asio::awaitable<void> keep_role();
    boost::asio::awaitable<void> beat(bool reaches_leader, std::string suspects);
    boost::asio::awaitable<bool> commit(Record next, std::string holder);
    void go_on_without_arbiter(const View& view);
    void take_in(Snapshot snapshot);
    void witness(const Record& before);
    void take_in_marks(const std::vector<Mark>& marks);
    void settle_request();
    [[nodiscard]] bool leads_here() const;
    [[nodiscard]] bool fenced_here() const;
    [[nodiscard]] Mark own_mark() const;

    // Actions.
    boost::asio::awaitable<bool> act(Decision decision);
    boost::asio::awaitable<bool> carry_out(Action action);
    boost::asio::awaitable<bool> promote(std::string name);
    boost::asio::awaitable<void> follow(replication::ReplicaofStep step);
    boost::asio::awaitable<bool> hand_over(HandOver move);
    boost::asio::awaitable<bool> give_away();
    void accept_report(WatchedNode& node, const CommandOutcome& outcome);
    WatchedNode* find(const std::string& name);

    // What people see.
    void say(const std::string& sentence);
    void sum_up();
    void update_status(const View* view);

    const std::string name_;
    const Timing timing_;
    const Login login_;
    const Publish publish_callback_;
    const std::shared_ptr<replication::ForwardPermit> permit_;

    boost::asio::io_context io_{1};
    std::thread thread_;
    std::unique_ptr<Arbiter> arbiter_;
    boost::asio::steady_timer rest_;
    boost::asio::steady_timer ticker_;
    NodeCommands commands_;
    std::deque<WatchedNode> nodes_;
    ActingRole role_;
    Failover failover_;
    PauseGuard pauses_;

    // The record as last read or written, and what follows from it.
    std::optional<Record> record_;
    std::string version_;
    std::string arbiter_error_ = "the record was not read yet";
    TimePoint confirmed_at_;
    TimePoint phase_since_;
    ArbiterCalls calls_;
    bool failsafe_active_ = false;
    bool vouched_for_ = false;  // this portal saw the record's phase begin, or its own probe agrees with it
    std::map<std::string, PortalView> portals_;
    Mark mark_;
    TimePoint next_beat_;
    Published published_;
    LeaderVerdict verdict_;
    std::optional<Request> request_;
    std::uint64_t requests_ = 0;

    std::optional<TimePoint> look_again_;
    Step step_ = Step::watching;
    std::string why_;
    std::string said_;
    std::optional<TimePoint> published_at_;
    Timeline witnessed_;  // the last change of leader that another portal carried out
    std::optional<Timeline> summed_up_;
    std::string carried_out_by_;
    std::map<std::string, std::uint64_t> failovers_;

    bool record_due_ = true;
    bool woken_ = false;
    bool turn_again_ = false;
    bool stopping_ = false;
    std::atomic<bool> closed_ = false;

    mutable std::mutex status_mutex_;
    boost::json::object status_;
};

}  // namespace portal::sentinel
