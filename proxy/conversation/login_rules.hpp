// AUTH, HELLO and SELECT: where each is asked, and what the answer makes of the client. The node judges them, in the
// place that what the client has begun demands. Pure: facts in, one step out.
#pragma once

#include "command/command_table.hpp"
#include "conversation/hello_request.hpp"
#include "resp/reply_writer.hpp"
#include "resp/request_view.hpp"
#include "upstream/link_state.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portal::conversation {

/// What the client has begun, and what can be had for it.
struct LoginFacts {
    resp::Protocol protocol = resp::Protocol::resp2;
    bool must_log_in = false;  // the leader wants a login, and the client has none
    bool forwarding = true;    // there is a leader to ask
    bool idle = true;          // nothing that the client has sent is unanswered
    bool has_own = false;      // it has a link of its own
    bool needs_own = false;    // what it has begun needs that
};

/// What is done about the command now.
struct LoginStep {
    enum class Kind : std::uint8_t {
        refuse,  // with `error`
        wait,    // until everything before it is answered: it is judged by what the client is then
        accept,  // HELLO: it asks for nothing that the node has to judge
        ask,     // sends `frame`, and takes no further command until it is answered
    };
    enum class Where : std::uint8_t {
        logins,    // on the link for logins
        own,       // on the client's own link: what it has begun there goes on as the new user, or in the new protocol
        database,  // on a link that has selected `database`: there it changes nothing, and the node says whether the
                   // user may
    };
    Kind kind = Kind::ask;
    Where where = Where::logins;
    upstream::Effect effect = upstream::Effect::lasting;  // on that link
    std::string error{};
    std::string frame{};
    std::uint32_t database = 0;
    HelloRequest hello{};
};

[[nodiscard]] LoginStep begin_auth(const resp::RequestView& request, const LoginFacts& facts);
[[nodiscard]] LoginStep begin_hello(const resp::RequestView& request, const LoginFacts& facts);
[[nodiscard]] LoginStep begin_select(const resp::RequestView& request, const LoginFacts& facts);

/// The AUTH by which a HELLO with a login is asked on the link for logins.
[[nodiscard]] std::string auth_of(const HelloRequest& hello);

/// The node's answer to an AUTH or a HELLO that was asked.
struct LoginChange {
    bool accepted = false;
    std::optional<HelloRequest> hello;  // of a HELLO that was asked as it is: all that it says counts
    std::string username, password;     // else the login; the views of the command do not live so long
};

/// `command` is what the node was sent, `bytes` what it answers, `present` the protocol so far.
[[nodiscard]] LoginChange read_login_answer(const command::CommandRow& row, const resp::RequestView& command,
                                            std::string_view bytes, resp::Protocol present);

}  // namespace portal::conversation
