// The conversation that makes a fresh connection to a node usable: AUTH, HELLO, SELECT, and an ECHO that tells how its
// fences are written, all in one go. Pure: gives the bytes to send and judges the replies.
#pragma once

#include "resp/reply_writer.hpp"
#include "upstream/fence.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace portal::upstream {

/// The login that selected a client's database, before the one it has now.
struct Selector {
    std::string username;  // empty: nobody had logged in
    std::string password;
    bool by_token = false;  // the password is the portal's own
};
using SelectorPtr = std::shared_ptr<const Selector>;

/// A LinkIdentity that is looked up: without copies, since each command does so.
struct LinkIdentityView {
    std::string_view username;
    std::string_view password;
    resp::Protocol protocol = resp::Protocol::resp2;
    std::uint32_t database = 0;
    bool proven = false;
    const SelectorPtr* selector = nullptr;  // only for making a link
    bool by_token = false;
};

/// Whose link it is. Sessions share a link only when user, way of login, protocol and database are equal, and the
/// password too, unless the login is proven: then any password of that user will do, also one that is no longer valid.
struct LinkIdentity {
    std::string username;  // empty: nobody has logged in
    std::string password;
    resp::Protocol protocol = resp::Protocol::resp2;
    std::uint32_t database = 0;
    bool proven = false;  // the node has accepted the password on a link that carries nothing but logins
    /// Null: none. Selects the database too, for a login that may lack the right; links are equal whoever did.
    SelectorPtr selector{};
    bool by_token = false;  // the client has a token, and the password is the portal's own

    [[nodiscard]] bool same_link(const LinkIdentityView& other) const noexcept {
        return database == other.database && protocol == other.protocol && username == other.username &&
               by_token == other.by_token;
    }
    /// Also logged in with the same password.
    [[nodiscard]] bool same_login(const LinkIdentityView& other) const noexcept {
        return same_link(other) && password == other.password;
    }
    operator LinkIdentityView() const noexcept {
        return {username, password, protocol, database, proven, &selector, by_token};
    }
};

/// What a node says of itself in HELLO; the portal repeats it in its own HELLO replies.
struct ServerHello {
    std::string server = "redis";
    std::string version = "7.0.0";
    std::string mode = "standalone";
};

class LinkSetup {
  public:
    enum class Step : std::uint8_t {
        more,
        ready,
        refused,   // the node does not accept this user, password, protocol or database: error()
        unusable,  // there is no connection to be had, whoever asks: it follows, or reason()
    };

    /// `name`: how the connection is called in the node's CLIENT LIST and ACL LOG; empty: not at all. `may_follow`: the
    /// node need not lead.
    explicit LinkSetup(const LinkIdentity& identity, std::string_view name = {}, bool may_follow = false);

    /// Everything to send.
    [[nodiscard]] const std::string& request() const noexcept { return request_; }

    /// Judges the next reply frame. A node that has to lead and does not is unusable; so is one that answers what is no
    /// answer to the question, as a node does that is full ("max number of clients reached" comes before any answer).
    /// After any step but more no more replies may come.
    Step on_reply(std::string_view frame);

    /// Refused, and it was the login.
    [[nodiscard]] bool login_refused() const noexcept { return awaiting_ == Awaiting::auth && !error_.empty(); }
    /// Why it is unusable: what the node said.
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
    /// Unusable, since the node says that it follows another one.
    [[nodiscard]] bool follows() const noexcept { return follows_; }
    /// The error frame that ended it, after refused by the node.
    [[nodiscard]] const std::string& error() const noexcept { return error_; }
    [[nodiscard]] const ServerHello& hello() const noexcept { return hello_; }
    /// The id that the node gave the connection; 0 when it did not say.
    [[nodiscard]] std::uint64_t connection_id() const noexcept { return connection_id_; }
    /// How this user can be asked for a nonce.
    [[nodiscard]] FenceStyle fence_style() const noexcept { return fence_style_; }
    /// The node wants a login before anything else (answered NOAUTH to HELLO).
    [[nodiscard]] bool auth_required() const noexcept { return auth_required_; }

  private:
    enum class Awaiting : std::uint8_t { selector, first_select, auth, hello, select, echo, nothing };
    Step on_auth(std::string_view frame);
    Step on_hello(std::string_view frame);
    Step on_select(std::string_view frame);
    Step refuse(std::string_view frame);
    Step give_up(std::string_view frame);
    void read_hello(std::string_view frame);

    std::string request_;
    std::string error_;
    std::string reason_;
    ServerHello hello_;
    std::uint64_t connection_id_ = 0;
    FenceStyle fence_style_ = FenceStyle::echo;
    Awaiting awaiting_ = Awaiting::hello;
    bool select_ = false;
    bool login_ = false;
    bool selected_ = false;  // by the selector
    bool resp3_ = false;
    bool may_follow_ = false;
    bool auth_required_ = false;
    bool follows_ = false;
};

}  // namespace portal::upstream
