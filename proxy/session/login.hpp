// Who the client is, in which protocol it speaks and which database it has selected: AUTH, HELLO and SELECT. The node
// judges them; what it accepts is the client's from then on. One shard.
#pragma once

#include "conversation/login_rules.hpp"
#include "resp/request_view.hpp"
#include "session/session_part.hpp"
#include "session/token_login.hpp"
#include "upstream/link_pool.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace portal::session {

class Login final : public SessionPart {
  public:
    using SessionPart::SessionPart;

    /// Whose links the client uses.
    [[nodiscard]] upstream::LinkIdentity identity() const;
    [[nodiscard]] bool must_log_in() const noexcept;
    /// Redis finds out whether it knows a command and its number of words before it asks who calls.
    void refuse_before_login(const Row& row, const resp::RequestView& request);

    // --- what the client asks for
    /// AUTH, HELLO or SELECT is answered, or asked of the node; then no further command is taken until it is answered.
    /// False: must wait, and is asked again.
    bool begin(const Row& row, const resp::RequestView& request);
    /// The link on which a login that came back is sent again; null: none can be had. It travels on the link for
    /// logins, unless what the client has begun goes on as the new user.
    [[nodiscard]] upstream::Link* link_again(Lost& lost, const Row& row);

    // --- what the node accepts
    /// The answer to AUTH, to HELLO, or to the AUTH behind a HELLO: the login is what Redis says it is. `replacement`
    /// is what the client gets instead.
    void note_answer(const Row& row, std::string_view command, std::string_view bytes, std::string& replacement);
    /// `identity`: by a token of it; null: by none.
    void speak(resp::Protocol protocol) noexcept;
    void log_in(std::string_view username, std::string_view password, bool proven, IdentityPtr identity);
    /// `answer` gets the portal's own answer.
    void accept_hello(const HelloRequest& hello, std::string& answer, IdentityPtr identity);
    /// `command` is a SELECT that the node has accepted.
    void note_selected(std::string_view command);

    /// The login that selected the database, if it was another; null: it was not.
    [[nodiscard]] const upstream::SelectorPtr& selector() const noexcept { return selector_; }
    /// RESET: nobody is logged in.
    void reset() noexcept;
    /// The portal's own passwords are others: also that of the login by which the database was selected.
    void renew_selector(const identity::Verifier& verifier);

    // --- what it accepts no more
    /// Redis accepts its user or password no more: it is closed, unanswered, as Redis closes it.
    void on_login_refused();
    /// Clients must log in from now on: closed if it has not, and is in the midst of something.
    void on_login_required();

  private:
    bool carry_out(const Row& row, LoginStep step);
    bool refuse_or_hold();
    void write_hello(std::string& out) const;

    /// What the HELLO wants that awaits its AUTH.
    struct Wanted {
        resp::Protocol protocol = resp::Protocol::resp2;
        std::optional<std::string> name;
    };

    std::unique_ptr<Wanted> wanted_;
    upstream::SelectorPtr selector_;  // null: the present login has selected the database, or nobody has
};

}  // namespace portal::session
