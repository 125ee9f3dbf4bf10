// One event loop on one thread: its sessions, its links to the leader (or, where its clients only read, to a replica),
// its view of the topology, its counters. Shares nothing that is written; the rest of the program reaches it by
// posting.
#pragma once

#include "certs/tls_context.hpp"
#include "config/config.hpp"
#include "identity/verifier.hpp"
#include "observe/shard_counters.hpp"
#include "replication/forward_permit.hpp"
#include "replication/process_sightings.hpp"
#include "replication/topology.hpp"
#include "session/count_exchange.hpp"
#include "session/script_loader.hpp"
#include "session/server_survey.hpp"
#include "session/session.hpp"
#include "session/session_registry.hpp"
#include "shard/forwarding_stop.hpp"
#include "shard/listener.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace portal::shard {

/// What every shard is made with. The reference outlives the shard.
struct ShardSetup {
    config::ConfigPtr config;
    session::ShardPeers& peers;
    std::shared_ptr<const replication::ForwardPermit> permit;
    /// Trouble with a node on live traffic; called on the shard's thread.
    std::function<void(const std::string& node, std::string_view why)> trouble;
    std::uint32_t index = 0;
    std::uint32_t count = 1;
    config::Serves serves = config::Serves::leader;
    /// The leader has executed an ACL command that changes users; called on the shard's thread.
    std::function<void(std::vector<std::string> command)> users_changed = {};
    std::shared_ptr<const replication::ProcessSightings> sightings = nullptr;  // null: nobody watches the nodes
};

/// The TLS context of each listener, made for one shard; null for plain listeners.
using TlsContexts = std::vector<std::shared_ptr<certs::TlsContext>>;

/// Who judges logins by token, if anybody, and the names of issuers for counting.
struct Logins {
    identity::VerifierPtr verifier;
    std::shared_ptr<const std::vector<std::string>> issuers;
};

class Shard {
  public:
    explicit Shard(ShardSetup setup);
    ~Shard();
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;

    /// Binds `address` and accepts there from start() on; `accepted` is called on the shard's thread. To be called
    /// before start(). The sentence to print when that is not possible, else empty.
    [[nodiscard]] std::string listen(const config::Address& address, Listener::Accepted accepted);
    void start();
    /// Instead of start(): turns in the calling thread until end() has been asked for.
    void run();

    /// As adopt(), at once. The shard's own thread.
    void take(int descriptor, std::size_t listener, bool refused);

    // Any thread:
    /// What listen() began ends.
    void stop_listening();
    /// Takes over the connected socket `descriptor`. `refused`: only to be told that there are too many.
    void adopt(int descriptor, std::size_t listener, bool refused);
    /// Routes by `topology` from now on. `applied` is called when nothing more is sent under an older one.
    void publish(replication::TopologyPtr topology, std::function<void()> applied);
    /// Goes on by this configuration; new connections use these contexts.
    void configure(config::ConfigPtr config, TlsContexts contexts, Logins logins = {});
    /// New links to nodes use these, by the node's name.
    void use_nodes(std::map<std::string, upstream::NodeTls, std::less<>> tls);
    /// Runs `task` as an event of its own.
    void post(session::ShardPeers::Task task);
    /// Closes each session at its next command boundary; new ones are told so. Those that understand it are told where
    /// to go instead, and have time for that until shortly before `until`. To be called again until all have gone.
    void drain(net::Turn::Clock::time_point until);
    /// Closes everything and leaves the loop.
    void end();
    /// The same, and joins the thread.
    void stop();

    [[nodiscard]] const observe::ShardCounters& counters() const noexcept { return counters_; }
    /// In the order of the names that it was given, from 1 on.
    [[nodiscard]] const observe::LoginCounters& logins() const noexcept { return context_.identities.issuers; }
    /// When the newest leader to have answered a write did so first; nothing before any did.
    [[nodiscard]] std::optional<net::Turn::Clock::time_point> first_write() const noexcept;
    /// Counts up while the loop turns.
    [[nodiscard]] std::uint64_t heartbeats() const noexcept { return heartbeats_.get(); }

  private:
    class Every {
      public:
        explicit Every(std::chrono::milliseconds interval) : interval_(interval) {}
        /// True once in each interval.
        bool due(net::Turn::Clock::time_point now) noexcept {
            const bool due = now - last_ >= interval_;
            last_ = due ? now : last_;
            return due;
        }

      private:
        std::chrono::milliseconds interval_;
        net::Turn::Clock::time_point last_{};
    };
    /// What tick() does less often than each time.
    struct Rounds {
        explicit Rounds(net::Loop& loop) : timer(loop) {}
        net::Loop::Timer timer;
        Every idle_links{std::chrono::seconds(10)};
        Every login{std::chrono::milliseconds(250)};   // the leader is asked what newcomers must do
        Every tokens{std::chrono::milliseconds(250)};  // what a reload has ended is gone within a second
    };

    void run_tick();
    void tick();
    void retry_held();
    void tell_of_holds();
    void begin_proofs();
    void on_leader_ready();
    void limit_leases();
    void learn_addresses(const replication::Topology& topology);
    /// For every session of a list; it may leave the list meanwhile, or end.
    template <typename List, typename Each>
    static void for_each(List& list, Each&& each) {
        for (auto next = list.begin(); next != list.end();) {
            const session::SessionPtr session(&*next);
            ++next;
            each(*session);
        }
    }
    /// Those with replies that wait for a proof.
    template <typename Each>
    void for_parked(Each&& each) {
        for_each(registry_.parked, each);
    }
    template <typename Each>
    void for_all(Each&& each) {
        for_each(registry_.all, each);
    }
    void end_pause();
    void check_dropped_users();
    void on_login_required();
    void close_sessions_of(const upstream::LinkIdentity& refused);
    void apply(replication::TopologyPtr topology, std::function<void()> applied);

    ShardSetup setup_;
    observe::ShardCounters counters_;
    observe::Counter heartbeats_;
    net::Turn turn_{[this](auto took) { counters_.turn_times.note(took); }};
    net::Loop loop_{turn_};
    net::NameLookup names_{loop_};
    net::Scratch scratch_;
    net::DeadlineQueue connect_deadlines_;
    session::SessionRegistry registry_;
    upstream::LinkContext link_context_;
    upstream::LinkPool links_;
    ForwardingStop stop_{link_context_, links_, registry_};
    session::CountBoard counts_{turn_, setup_.peers, setup_.index};
    upstream::SubscriptionHub subscriptions_;
    session::SessionContext context_;
    boost::intrusive_ptr<session::ServerSurvey> survey_;
    boost::intrusive_ptr<session::ScriptLoader> scripts_;
    boost::intrusive_ptr<session::CountExchange> count_exchange_;  // on the first shard
    boost::intrusive_ptr<upstream::ProofLink> proof_;              // with writes.proven
    TlsContexts tls_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    Rounds rounds_{loop_};
    std::set<std::string> dropped_users_;  // whose links the leader has closed; to be asked whether they still exist
    std::uint64_t next_id_ = 0;
    std::thread thread_;
};

}  // namespace portal::shard
