// Asks each new leader for COMMAND, once, on a link of its own, and keeps the answer in the context for the sessions.
// One for each shard; the shard's thread.
#pragma once

#include "replication/node.hpp"
#include "session/session_context.hpp"
#include "upstream/link_pool.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace portal::session {

class ServerSurvey final : public upstream::ReplySink {
  public:
    /// `context` outlives it. `logs`: tells what it found; one shard is enough for that.
    ServerSurvey(SessionContext& context, bool logs) : context_(context), logs_(logs) {}

    /// A link to the leader is set up, so it is known whether it wants a login. Asks if this leader was not asked yet.
    void ask();

    bool on_reply(upstream::PendingRequest& request, const resp::ReplyHead& reply, std::string_view command) override;
    void on_lost(upstream::PendingRequest& request, std::string_view command, const upstream::Loss& loss) override;
    void on_refused(upstream::PendingRequest& request, std::string_view command, std::string_view error) override;
    bool take_push(const resp::ReplyHead& frame, const upstream::PendingRequest* front) override;
    void on_pinned_lost() override;

  private:
    void take_answer(std::string_view answer);
    void report() const;
    void give_up(std::string_view why);

    SessionContext& context_;
    bool logs_;
    std::optional<replication::Epoch> asked_;  // the epoch whose leader was asked
    upstream::Lease link_;                     // while the answer is awaited
};

}  // namespace portal::session
