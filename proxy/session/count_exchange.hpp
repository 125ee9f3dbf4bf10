// Tells other portals of this portal's subscribers that the node does not count, and hears theirs, by a shard channel
// at the leader with the monitor's login. On the first shard alone; hands what it hears to all of them. Shell: what is
// to be believed and when to speak says CountPeers.
#pragma once

#include "net/loop.hpp"
#include "session/count_peers.hpp"
#include "session/session_context.hpp"
#include "upstream/link_pool.hpp"

#include <string>
#include <string_view>
#include <unordered_set>

namespace portal::session {

class CountExchange final : public upstream::ReplySink {
  public:
    explicit CountExchange(SessionContext& context);

    /// Some link to the leader became ready.
    void on_leader_ready();
    /// Called with the shard's tick.
    void tick();
    /// No timer of it runs from here on.
    void stop() noexcept { timer_.cancel(); }

    bool on_reply(upstream::PendingRequest& request, const resp::ReplyHead& reply, std::string_view command) override;
    void on_lost(upstream::PendingRequest& request, std::string_view command, const upstream::Loss& loss) override;
    void on_refused(upstream::PendingRequest& request, std::string_view command, std::string_view error) override;
    bool take_push(const resp::ReplyHead& frame, const upstream::PendingRequest* front) override;
    void on_pinned_lost() override;

  private:
    using Time = net::Turn::Clock::time_point;

    void connect();
    void learn_key();
    void submit(std::string_view frame);
    void take_message(std::string_view frame);
    void note_changed(const std::string& name);
    void speak_soon();
    void speak();
    void say_all();
    void say_changes();
    void say(std::vector<CountChange> changes, bool whole);
    void refused(std::string_view error);
    [[nodiscard]] Time now() const noexcept { return context_.turn.now(); }
    template <typename Task>
    void on_all_shards(const Task& task);

    SessionContext& context_;
    CountPeers peers_;
    upstream::Lease link_;
    net::Loop::Timer timer_;
    std::unordered_set<std::string> changed_;
    std::string key_of_;  // the secret that key_ was made of
    CountKey key_{};
    std::uint64_t sequence_ = 0;
    bool listens_ = false;  // the node has confirmed it
    bool waits_ = false;    // the timer runs
    bool login_known_ = false;
    Time spoke_{}, refused_until_{};
};

}  // namespace portal::session
