// Which clients a CLIENT LIST or CLIENT KILL means: its filters, read as redis-server 7.0 reads them (MAXAGE as 7.4),
// and those that Valkey has added since (8.1 and 9.0), whatever the node's version. Pure.
#pragma once

#include "resp/request_view.hpp"
#include "session/client_line.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace portal::session {

/// What is asked for of a client; all that is given must be true.
struct ClientTraits {
    std::vector<std::uint64_t> ids;  // one of them; empty: any
    std::optional<ClientType> type;
    std::optional<std::string> username, address, local_address, name, library_name, library_version, ip;
    std::optional<std::string> flags, capabilities;  // it has all of these letters
    std::optional<std::int64_t> database;
};

struct ClientFilter {
    ClientTraits wanted;
    ClientTraits unwanted;      // none of what is given may be true
    std::int64_t min_age = 0;   // seconds
    std::int64_t min_idle = 0;  // seconds
    bool skip_asker = false;
    bool old_form = false;  // CLIENT KILL addr:port: answered OK, or an error when there is none

    [[nodiscard]] bool matches(const ClientLine& line) const;
};

/// Reads the filters of CLIENT LIST. The text of the error when they cannot be read, else empty.
[[nodiscard]] std::string read_list(const resp::RequestView& request, ClientFilter& filter);

/// Reads CLIENT KILL. `user_error`: what the node says of the user named (empty: it has that user). The text of the
/// error when it cannot be read, else empty.
[[nodiscard]] std::string read_kill(const resp::RequestView& request, std::string_view user_error,
                                    ClientFilter& filter);

/// The user that a CLIENT KILL names, if it does.
[[nodiscard]] std::optional<std::string_view> user_of_kill(const resp::RequestView& request);

}  // namespace portal::session
