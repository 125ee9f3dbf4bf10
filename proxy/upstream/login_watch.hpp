// Asks the leader again and again whether it wants a login of newcomers: a client that has not logged in is judged by
// what the rules are now, not by what they were when some link was made. Used by LinkPool, on its link for logins.
#pragma once

#include "upstream/pending_queue.hpp"

#include <functional>
#include <string_view>

namespace portal::upstream {

class LoginWatch final : public ReplySink {
  public:
    /// Told what newcomers must do now. `unknown`: the node cannot say it on a connection that is in use.
    enum class Verdict : std::uint8_t { open, login_required, unknown };
    using Told = std::function<void(Verdict)>;
    explicit LoginWatch(Told told) : told_(std::move(told)) {}

    /// Unless a question is still out. `name`: what the link is called at the node, if anything.
    void ask(Link& link, std::string_view name);

    bool on_reply(PendingRequest& request, const resp::ReplyHead& reply, std::string_view command) override;
    void on_lost(PendingRequest& request, std::string_view command, const Loss& loss) override;
    void on_refused(PendingRequest& request, std::string_view command, std::string_view error) override;
    bool take_push(const resp::ReplyHead& frame, const PendingRequest* front) override;
    void on_pinned_lost() override;

  private:
    enum Question : std::uint32_t { reset, ping, set_name };
    void submit(Link& link, std::string_view frame, Question question);

    Told told_;
    bool asking_ = false;
    bool reset_accepted_ = false;
};

}  // namespace portal::upstream
