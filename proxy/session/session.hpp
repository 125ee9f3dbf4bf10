// One client: what is known of its conversation, and the parts that carry it. Each part guards its own state, and is
// described in its own header. A request comes by ClientConnection, Intake and Requests to ClientLinks; its reply by
// Replies to ClientSender; what is lost by Losses to Hold. One shard; kept alive by the registry and pending requests.
#pragma once

#include "conversation/conversation.hpp"
#include "net/turn.hpp"
#include "session/client_connection.hpp"
#include "session/client_links.hpp"
#include "session/client_sender.hpp"
#include "session/exec_answer.hpp"
#include "session/features.hpp"
#include "session/hold.hpp"
#include "session/intake.hpp"
#include "session/large_requests.hpp"
#include "session/login.hpp"
#include "session/losses.hpp"
#include "session/notices.hpp"
#include "session/proofs.hpp"
#include "session/registry_hook.hpp"
#include "session/relay.hpp"
#include "session/replies.hpp"
#include "session/requests.hpp"
#include "session/session_context.hpp"
#include "session/token_login.hpp"
#include "upstream/link_pool.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

#include <boost/smart_ptr/intrusive_ptr.hpp>

namespace portal::session {

class Session final : public upstream::ReplySink,
                      public net::Flushable,
                      public RegistryHook<AllTag>,
                      public RegistryHook<HeldTag>,
                      public RegistryHook<ParkedTag>,
                      public RegistryHook<TokenTag> {
  public:
    using Origin = ClientOrigin;

    /// The socket of `origin` is its own from here on; `tls` is null for a plain listener.
    Session(SessionContext& context, Origin origin, std::shared_ptr<SSL_CTX> tls);
    ~Session() override;

    /// The portal's number of the client.
    [[nodiscard]] std::uint64_t id() const noexcept { return connection.origin().id; }
    /// At the end of a turn in which something has happened to it: settles what was lost, ends what is over, goes on
    /// with what is there, and sends.
    void flush() override;

    SessionContext& context;
    conversation::Conversation conversation;
    ClientConnection connection;
    ClientSender sender;
    Intake intake;
    Requests requests;
    ClientLinks links;
    Replies replies;
    Login login;
    TokenLogin tokens;
    ExecAnswer exec;
    LargeRequests large;
    Relay relay;
    Hold hold;
    Losses losses;
    Proofs proofs;
    Features features;
    Notices notices;

  private:
    // --- from the links
    bool on_reply(upstream::PendingRequest& request, const resp::ReplyHead& reply, std::string_view command) override;
    void on_rest(upstream::PendingRequest& request, const resp::ReplyRest& rest, std::string_view command) override;
    void on_lost(upstream::PendingRequest& request, std::string_view command, const upstream::Loss& loss) override;
    void on_refused(upstream::PendingRequest& request, std::string_view command, std::string_view error) override;
    bool take_push(const resp::ReplyHead& frame, const upstream::PendingRequest* front) override;
    void on_pinned_lost() override;
    void on_streamed() override;
    void on_opened() override;
    void on_relayed(std::string_view bytes) override;
    void on_moved(const upstream::Link& link) override;
    bool adopt(upstream::Lease& lease) override;
    upstream::Link* own_link() override;
};

using SessionPtr = boost::intrusive_ptr<Session>;

// --- what the parts reach; declared in session_part.hpp
inline SessionContext& SessionPart::context() const noexcept {
    return session_.context;
}
inline command::SessionState& SessionPart::state() const noexcept {
    return session_.conversation.state;
}
inline Order& SessionPart::order() const noexcept {
    return session_.conversation.order;
}
inline Transaction& SessionPart::transaction() const noexcept {
    return session_.conversation.transaction;
}
inline WholeTransaction& SessionPart::unit() const noexcept {
    return session_.conversation.unit;
}
inline Recovery& SessionPart::recovery() const noexcept {
    return session_.conversation.recovery;
}
inline ClientConnection& SessionPart::connection() const noexcept {
    return session_.connection;
}
inline ClientSender& SessionPart::sender() const noexcept {
    return session_.sender;
}
inline ClientOutput& SessionPart::output() const noexcept {
    return session_.sender.output();
}
inline Intake& SessionPart::intake() const noexcept {
    return session_.intake;
}
inline Requests& SessionPart::requests() const noexcept {
    return session_.requests;
}
inline ClientLinks& SessionPart::links() const noexcept {
    return session_.links;
}
inline Replies& SessionPart::replies() const noexcept {
    return session_.replies;
}
inline Login& SessionPart::login() const noexcept {
    return session_.login;
}
inline TokenLogin& SessionPart::tokens() const noexcept {
    return session_.tokens;
}
inline ExecAnswer& SessionPart::exec() const noexcept {
    return session_.exec;
}
inline LargeRequests& SessionPart::large() const noexcept {
    return session_.large;
}
inline Relay& SessionPart::relay() const noexcept {
    return session_.relay;
}
inline Hold& SessionPart::hold() const noexcept {
    return session_.hold;
}
inline Losses& SessionPart::losses() const noexcept {
    return session_.losses;
}
inline Proofs& SessionPart::proofs() const noexcept {
    return session_.proofs;
}
inline Features& SessionPart::features() const noexcept {
    return session_.features;
}
inline Notices& SessionPart::notices() const noexcept {
    return session_.notices;
}
inline void SessionPart::mark() const {
    session_.context.turn.mark(session_);
}
inline bool ClientLinks::needs_own() const noexcept {
    return session_.conversation.transaction.needs_link() || session_.conversation.state.needs_link();
}
inline route::Client ClientLinks::route_client() const noexcept {
    return {session_.conversation.transaction.phase(), needs_own(), session_.conversation.state.resp2_subscriber()};
}
inline bool Login::must_log_in() const noexcept {
    return session_.context.links.auth_required() && session_.conversation.state.credentials->username.empty();
}

}  // namespace portal::session
