// What a connection of its own would remember: database, protocol, user, name, reply mode and subscriptions. Pure.
#pragma once

#include "command/command_table.hpp"
#include "resp/reply_writer.hpp"
#include "resp/request_view.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace portal::command {

/// A login that Redis accepted. Shared by the sessions and links that use it.
struct Credentials {
    std::string username;  // empty: nobody has logged in
    std::string password;
    bool proven = false;    // see upstream::LinkIdentity
    bool by_token = false;  // likewise
};
using CredentialsPtr = std::shared_ptr<const Credentials>;

/// CLIENT REPLY.
enum class ReplyMode : std::uint8_t { on, off, skip_next, skip_this };

class SessionState {
  public:
    using Clock = std::chrono::steady_clock;

    std::uint32_t database = 0;
    resp::Protocol protocol = resp::Protocol::resp2;
    CredentialsPtr credentials = std::make_shared<const Credentials>();
    std::string name;
    std::string library_name, library_version;
    ReplyMode reply_mode = ReplyMode::on;

    bool tracking = false;         // CLIENT TRACKING ON
    bool monitoring = false;       // MONITOR
    bool debugging = false;        // SCRIPT DEBUG YES or SYNC: the next script runs in the debugger
    std::size_t fieldsets = 0;     // HIMPORT PREPARE, at most so many: one that replaces another counts again
    std::size_t watched = 0;       // keys that WATCH named since the last watch began
    bool replicates = false;       // REPLCONF or PSYNC was accepted
    bool no_evict = false;         // CLIENT NO-EVICT ON
    bool no_touch = false;         // CLIENT NO-TOUCH ON
    bool listens = false;          // it has subscriptions
    bool listens_on_link = false;  // some of them, which a transaction made, on a link of its own

    /// True while the connection holds state, beside a transaction, that only a link of its own can hold.
    [[nodiscard]] bool needs_link() const noexcept {
        return tracking || monitoring || debugging || fieldsets > 0 || replicates || listens_on_link;
    }
    /// In this mode nothing but subscriptions, PING, QUIT and RESET is allowed.
    [[nodiscard]] bool resp2_subscriber() const noexcept { return listens && protocol == resp::Protocol::resp2; }

    /// HIMPORT PREPARE, DISCARD or DISCARDALL was accepted. `queued`: only that it is part of a transaction.
    void note_fieldset(std::string_view subcommand, bool queued, std::string_view reply) noexcept;
    /// RESET: everything as after connect. The login goes too.
    void reset();
};

/// Subcommands of CLIENT that speak of the portal's clients, so that the portal answers them.
[[nodiscard]] constexpr bool is_client_command(Handling handling) noexcept {
    return handling >= Handling::client_id && handling <= Handling::client_unblock;
}

/// SUBSCRIBE, UNSUBSCRIBE and their kin: answered by confirmations, one for each name.
[[nodiscard]] constexpr bool is_subscription(Handling handling) noexcept {
    return handling >= Handling::subscribe && handling <= Handling::sunsubscribe;
}

}  // namespace portal::command
