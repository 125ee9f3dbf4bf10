// Which clients a CLIENT KILL means: its filters, read as redis-server 7.0 reads them (MAXAGE as 7.4). Pure.
#pragma once

#include "resp/request_view.hpp"
#include "session/client_line.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portal::session {

struct ClientFilter {
    std::uint64_t id = 0;  // 0: any
    std::optional<ClientType> type;
    std::optional<std::string> username, address, local_address;
    std::int64_t min_age = 0;  // seconds
    bool skip_asker = true;
    bool old_form = false;  // CLIENT KILL addr:port: answered OK, or an error when there is none

    [[nodiscard]] bool matches(const ClientLine& line) const;
};

/// Reads CLIENT KILL. `user_error`: what the node says of the user named (empty: it has that user). The text of the
/// error when it cannot be read, else empty.
[[nodiscard]] std::string read_kill(const resp::RequestView& request, std::string_view user_error,
                                    ClientFilter& filter);

/// The user that a CLIENT KILL names, if it does.
[[nodiscard]] std::optional<std::string_view> user_of_kill(const resp::RequestView& request);

}  // namespace portal::session
