// The inside of the monitor: one coroutine that reads the record, looks at the nodes, decides, acts and publishes, turn
// by turn. Everything here runs on the monitor's thread, except what says otherwise. monitor.cpp holds the turn;
// monitor_calls.cpp its beginning and what other threads ask; monitor_nodes.cpp which nodes there are;
// monitor_record.cpp what concerns the record and the marks; monitor_actions.cpp what is done to nodes;
// monitor_status.cpp what people see.
#pragma once

#include "sentinel/announcements.hpp"
#include "sentinel/arbiter/arbiter_calls.hpp"
#include "sentinel/failover.hpp"
#include "sentinel/login_check.hpp"
#include "sentinel/monitor.hpp"
#include "sentinel/node_account.hpp"
#include "sentinel/node_commands.hpp"
#include "sentinel/node_probe.hpp"
#include "sentinel/settings_keeper.hpp"
#include "sentinel/standing.hpp"
#include "sentinel/tenure.hpp"
#include "sentinel/users_keeper.hpp"

#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>

namespace portal::sentinel {

class Monitor::Loop : public std::enable_shared_from_this<Loop> {
  public:
    Loop(const config::Config& config, std::unique_ptr<Arbiter> arbiter,
         std::shared_ptr<replication::ForwardPermit> permit, Publish publish);

    void watch_clients(Tally tally) { tally_ = std::move(tally); }
    void note_sightings(std::shared_ptr<replication::ProcessSightings> sightings) { sightings_ = std::move(sightings); }
    // Any thread.
    void start();
    void stop();
    void report_trouble(std::string node, std::string what);
    void note_process(std::string node, AgentWord word);
    void switchover(std::optional<std::string> to, std::function<void(std::string)> done);
    void set_nodes(std::vector<config::Node> nodes);
    void use_login(Login login);
    void use_settings(SettingsWanted wanted);
    void use_users(UsersWanted wanted);
    void users_changed(std::vector<std::string> command);
    [[nodiscard]] boost::json::object status() const;

  private:
    struct WatchedNode {
        WatchedNode(config::Node configured, const Timing& timing, TimePoint now);

        void stop() const;

        config::Node config;
        bool leaving = false;  // not configured any more; it stays while it leads
        bool denied = false;   // its last answer was an error
        NodeAccount account;
        std::shared_ptr<NodeProbe> probe;
        std::shared_ptr<LoginCheck> login_check;
        LoginState login;
        Visitors visitors;
        bool looked_around = false;
        std::map<ProbeResult, std::uint64_t> probes;
        std::chrono::duration<double> answer_time{};  // of all answered probes together
        std::map<Health, std::uint64_t> health_changes;
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
    static void note_denial(WatchedNode& node, const Observation& observation);
    [[nodiscard]] std::vector<NodeView> seen_nodes(TimePoint now) const;
    [[nodiscard]] View look();
    void publish_what_holds(const View& view);
    void publish(replication::Topology topology);

    // The nodes.
    void watch_node(WatchedNode& node);
    [[nodiscard]] GroupSight group_to_keep_equal() const;
    void take_nodes(std::vector<config::Node> nodes);
    void let_go();

    // The record and the marks.
    boost::asio::awaitable<void> confirm();
    boost::asio::awaitable<void> keep_role();
    boost::asio::awaitable<void> beat(View view);
    boost::asio::awaitable<bool> commit(Record next, std::string holder);
    void go_on_without_arbiter(const View& view);
    void take_in(const Standing::Reading& reading);
    void witness(const Record& before);
    void settle_request();

    // Actions.
    boost::asio::awaitable<bool> act(Decision decision);
    boost::asio::awaitable<bool> carry_out(Action action);
    boost::asio::awaitable<bool> promote(std::string name);
    boost::asio::awaitable<void> follow(replication::ReplicaofStep step);
    boost::asio::awaitable<bool> hand_over(HandOver move);
    boost::asio::awaitable<bool> give_away();
    static config::Node at_known_address(const WatchedNode& node);
    void accept_report(WatchedNode& node, const CommandOutcome& outcome);
    WatchedNode* find(const std::string& name);

    // What people see.
    [[nodiscard]] ClientTally tally() const;
    void sum_up();
    void show_flights();
    void update_status(const View* view);
    void tell_record(boost::json::object& status, TimePoint now) const;
    void tell_view(boost::json::object& status, const View& view, TimePoint now) const;
    void tell_counts(boost::json::object& status) const;

    const std::string name_;
    const Timing timing_;
    const std::shared_ptr<Login> login_;
    const Publish publish_callback_;
    const std::shared_ptr<replication::ForwardPermit> permit_;

    boost::asio::io_context io_{1};
    std::thread thread_;
    std::unique_ptr<Arbiter> arbiter_;
    boost::asio::steady_timer rest_;
    boost::asio::steady_timer ticker_;
    NodeCommands commands_;
    std::shared_ptr<SettingsKeeper> settings_;
    std::shared_ptr<UsersKeeper> users_;
    std::deque<WatchedNode> nodes_;  // changed between turns only
    std::optional<std::vector<config::Node>> wanted_nodes_;
    Standing standing_;
    Failover failover_;
    PauseGuard pauses_;

    ArbiterCalls calls_;
    bool failsafe_active_ = false;
    std::optional<Request> request_;
    std::uint64_t requests_ = 0;

    std::optional<TimePoint> look_again_;
    Step step_ = Step::watching;
    std::string why_;
    Announcements announcements_;
    std::optional<TimePoint> published_at_;
    Timeline witnessed_;  // the last change of leader that another portal carried out
    std::optional<replication::Epoch> summed_up_;
    FlightRecorder recorder_;
    Tally tally_;                                               // may be empty
    std::shared_ptr<replication::ProcessSightings> sightings_;  // may be null
    std::map<std::string, std::uint64_t> failovers_;
    Tenure tenure_;

    bool record_due_ = true;
    bool woken_ = false;
    bool turn_again_ = false;
    bool stopping_ = false;
    std::atomic<bool> closed_ = false;

    mutable std::mutex status_mutex_;
    boost::json::object status_;
    boost::json::array flights_;
    boost::json::object last_flight_;
};

}  // namespace portal::sentinel
