// Who the client is, in which protocol it speaks and which database it has selected: AUTH, HELLO and SELECT. The node
// judges them; what it accepts is the client's from then on. One shard.
#pragma once

#include "conversation/hello_request.hpp"
#include "resp/request_view.hpp"
#include "session/session_part.hpp"
#include "upstream/link_pool.hpp"

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

    // --- what the client asks for. False: must wait, and is asked again.
    bool begin_auth(const Row& row, const resp::RequestView& request);
    bool begin_hello(const Row& row, const resp::RequestView& request);
    bool begin_select(const Row& row, const resp::RequestView& request);
    /// The link on which a login that came back is sent again; null: none can be had. It travels on the link for
    /// logins, unless what the client has begun goes on as the new user.
    [[nodiscard]] upstream::Link* link_again(Lost& lost, const Row& row);

    // --- what the node accepts
    /// The answer to AUTH, to HELLO, or to the AUTH behind a HELLO: the login is what Redis says it is. `replacement`
    /// is what the client gets instead.
    void note_answer(const Row& row, std::string_view command, std::string_view bytes, std::string& replacement);
    void log_in(std::string_view username, std::string_view password, bool proven);
    /// `answer` gets the portal's own answer.
    void accept_hello(const HelloRequest& hello, std::string& answer);
    /// `command` is a SELECT that the node has accepted.
    void note_selected(std::string_view command);

    // --- what it accepts no more
    /// Redis accepts its user or password no more: it is closed, unanswered, as Redis closes it.
    void on_login_refused();
    /// Clients must log in from now on: closed if it has not, and is in the midst of something.
    void on_login_required();

  private:
    bool ask_first(upstream::Link* link, const Row& row, std::string_view frame, upstream::Effect effect);
    void write_hello(std::string& out) const;

    resp::Protocol wanted_protocol_ = resp::Protocol::resp2;  // of the HELLO that awaits its AUTH
    std::optional<std::string> wanted_name_;
};

}  // namespace portal::session
