// Logins by token: a JWT in the place of a password is verified here, and Redis is asked whether the user that it gives
// may log in, by a password of the portal's own. How long that lasts, and what ends it. One shard.
#pragma once

#include "conversation/hello_request.hpp"
#include "conversation/queued_commands.hpp"
#include "identity/verifier.hpp"
#include "resp/request_view.hpp"
#include "session/session_part.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace portal::session {

using IdentityPtr = identity::IdentityPtr;

/// The identity of an AUTH inside of a transaction, until EXEC is answered.
struct KeptIdentity final : QueuedCommands::Kept {
    explicit KeptIdentity(IdentityPtr which) : identity(std::move(which)) {}
    IdentityPtr identity;
};

class TokenLogin final : public SessionPart {
  public:
    using Time = std::chrono::steady_clock::time_point;
    using SessionPart::SessionPart;

    struct Asked {
        bool refused = false;
        std::string frame;  // what the node is asked instead; empty: as it came, there is no token
        IdentityPtr identity;
    };
    /// AUTH or HELLO. What is refused is logged and counted here.
    [[nodiscard]] Asked judge(const Row& row, const resp::RequestView& request);

    /// The login that is asked of the node next is that of `identity`; null: it has no token.
    void expect(IdentityPtr identity);
    /// The node has answered it: whose it was.
    [[nodiscard]] IdentityPtr answered(bool accepted);
    /// The client is logged in by it; null: by no token. What is over by then ends at once: nothing is taken behind it.
    void use(IdentityPtr identity);
    /// A login that is queued in a transaction would be refused by now: EXEC must not make it.
    [[nodiscard]] bool queued_is_over(const QueuedCommands& queued) const;

    /// To be called a few times a second: ends what is over.
    void check();
    /// The keys or the rules are others.
    void judge_again();
    /// The client is gone.
    void leave() noexcept;

  private:
    [[nodiscard]] std::size_t slot_of(std::string_view issuer) const noexcept;
    void note_refused(const identity::Verdict& verdict) const;
    void end(std::string_view error);

    /// Of a client that uses tokens: most have none, and hold no more than a pointer.
    struct Held {
        IdentityPtr identity;  // null: logged in by no token
        IdentityPtr expected;  // whose login is asked of the node
        Time good_until{};
        std::optional<Time> ending_since;
    };
    [[nodiscard]] Held& held();
    /// What is true now of a token that was good; of none, nothing is.
    [[nodiscard]] identity::Verdict verdict_of(const IdentityPtr& identity) const;

    std::unique_ptr<Held> held_;  // null: it uses none
};

}  // namespace portal::session
