// Makes the node of one shard know the scripts that clients have loaded: asks which it knows (SCRIPT EXISTS), and loads
// the others, on a link of its own and by the portal's own login; where that may not, by the login that has brought the
// script. Commands that name a script wait meanwhile, for a bounded time. Also asks what a node still knows after a
// flush. One for each shard; the shard's thread.
#pragma once

#include "net/turn.hpp"
#include "session/session_context.hpp"
#include "upstream/link_pool.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace portal::session {

class ScriptLoader final : public upstream::ReplySink, public net::Flushable {
  public:
    using Time = net::Turn::Clock::time_point;

    /// `context` outlives it. `opened`: who has waited for a script may try again.
    ScriptLoader(SessionContext& context, std::function<void()> opened);

    /// Another node is routed to from now on.
    void on_leader();
    /// A link to it is set up, so it is known whether it wants a login.
    void on_leader_ready();
    /// Several times a second.
    void tick();
    void flush() override;

    bool on_reply(upstream::PendingRequest& request, const resp::ReplyHead& reply, std::string_view command) override;
    void on_lost(upstream::PendingRequest& request, std::string_view command, const upstream::Loss& loss) override;
    void on_refused(upstream::PendingRequest& request, std::string_view command, std::string_view error) override;
    bool take_push(const resp::ReplyHead& frame, const upstream::PendingRequest* front) override;
    void on_pinned_lost() override;

  private:
    enum Question : std::uint32_t { exists, load };
    using Known = ScriptCache::Known;

    [[nodiscard]] ScriptCache& cache() const noexcept { return context_.scripts.cache(); }
    [[nodiscard]] bool may_begin() const;
    void begin();
    void begin_pass(std::vector<Known> work);
    [[nodiscard]] std::vector<Known> next_to_poll();
    void connect(upstream::LinkIdentity identity);
    void ask_next();
    void take_exists(std::string_view bytes);
    void load_missing();
    void take_loaded(std::string_view bytes);
    void ask(std::string_view frame, Question question);
    void give_to_other_logins();
    void end_login();
    void end_pass();
    void give_up(std::string_view why);
    void stop();
    void report(std::string_view why) const;
    [[nodiscard]] Time now() const noexcept { return context_.turn.now(); }

    SessionContext& context_;
    std::function<void()> opened_;
    upstream::Lease link_;
    bool own_link_ = true;  // logged in as the portal, not as who has brought a script
    bool leader_ready_ = false;
    bool all_due_ = false;  // the node is to know all of them
    bool closed_ = false;   // commands wait for this pass
    bool polls_ = true;     // the node has not refused to tell what it knows
    int attempts_ = 0;      // that have ended with the link, for this node
    int logins_ = 0;        // that were tried in this pass

    std::size_t poll_at_ = 0;  // of all that are known

    // --- the pass at hand
    bool busy_ = false;
    bool login_refused_ = false;
    std::vector<Known> work_;
    std::size_t at_ = 0, batch_ = 0;             // of work_: the batch that is asked for, and how long it is
    std::vector<Known> missing_;                 // of the batch, in the order in which they are loaded
    std::size_t loaded_ = 0;                     // of missing_: answered
    std::vector<Known> refused_;                 // to this login
    std::set<std::string, std::less<>> absent_;  // whose text is not here
    Time heard_at_{}, began_at_{}, used_at_{}, polled_at_{};
};

}  // namespace portal::session
