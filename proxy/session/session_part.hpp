// What each part of a session reaches: the other parts, what is known of the conversation, and what the sessions of the
// shard share. A part guards its own state; others ask for what it does by its name.
#pragma once

#include "conversation/conversation.hpp"
#include "session/session_waits.hpp"

namespace portal::session {

class ClientConnection;
class ClientLinks;
class ClientOutput;
class ClientSender;
class ExecAnswer;
class Features;
class Hold;
class Intake;
class LargeRequests;
class Login;
class Losses;
class Notices;
class Proofs;
class Relay;
class Replies;
class Requests;
class Session;
class TokenLogin;
struct SessionContext;

class SessionPart {
  public:
    explicit SessionPart(Session& session) noexcept : session_(session) {}
    SessionPart(const SessionPart&) = delete;
    SessionPart& operator=(const SessionPart&) = delete;

  protected:
    using Slot = ReplySequencer::Slot;
    using Row = command::CommandRow;

    ~SessionPart() = default;

    // Defined in session.hpp.
    [[nodiscard]] SessionContext& context() const noexcept;
    [[nodiscard]] command::SessionState& state() const noexcept;
    [[nodiscard]] Order& order() const noexcept;
    [[nodiscard]] Transaction& transaction() const noexcept;
    [[nodiscard]] WholeTransaction& unit() const noexcept;
    [[nodiscard]] Recovery& recovery() const noexcept;
    [[nodiscard]] ClientConnection& connection() const noexcept;
    [[nodiscard]] ClientSender& sender() const noexcept;
    [[nodiscard]] ClientOutput& output() const noexcept;
    [[nodiscard]] Intake& intake() const noexcept;
    [[nodiscard]] Requests& requests() const noexcept;
    [[nodiscard]] ClientLinks& links() const noexcept;
    [[nodiscard]] Replies& replies() const noexcept;
    [[nodiscard]] Login& login() const noexcept;
    [[nodiscard]] TokenLogin& tokens() const noexcept;
    [[nodiscard]] ExecAnswer& exec() const noexcept;
    [[nodiscard]] LargeRequests& large() const noexcept;
    [[nodiscard]] Relay& relay() const noexcept;
    [[nodiscard]] Hold& hold() const noexcept;
    [[nodiscard]] Losses& losses() const noexcept;
    [[nodiscard]] Proofs& proofs() const noexcept;
    [[nodiscard]] Features& features() const noexcept;
    [[nodiscard]] Notices& notices() const noexcept;
    /// The session is looked at when this turn ends.
    void mark() const;

    Session& session_;
};

}  // namespace portal::session
