// What CLIENT LIST, KILL, UNBLOCK and PAUSE do with the clients of one shard, and what the answers of all shards come
// to. What crosses shards names clients by their ids.
#pragma once

#include "session/client_filter.hpp"
#include "session/client_line.hpp"
#include "session/client_pause.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace portal::session {

struct SessionContext;

/// One client of a shard in the CLIENT LIST of client `asker`.
struct ListedClient {
    std::uint64_t id = 0;
    std::string line;
};
[[nodiscard]] std::vector<ListedClient> list_clients(SessionContext& context, const ClientFilter& filter,
                                                     std::uint64_t asker);
/// The lines of all shards, in the order of `ids`, else by id.
[[nodiscard]] std::string listed_lines(std::vector<std::vector<ListedClient>> shards,
                                       const std::vector<std::uint64_t>& ids);

/// What a CLIENT KILL did on one shard.
struct KilledClients {
    std::int64_t count = 0;
    bool asker = false;  // it means the asking client too, which is counted and left alone
};
/// Closes the clients that `filter` matches, for client `asker`.
[[nodiscard]] KilledClients kill_clients(SessionContext& context, const ClientFilter& filter, std::uint64_t asker);

/// The node's id of the connection on which client `id` is blocked; 0: there is none. It serves no other client then.
[[nodiscard]] std::uint64_t blocked_connection(SessionContext& context, std::uint64_t id);

/// Begins, extends or ends the pause of the shard's clients.
void pause_clients(SessionContext& context, ClientPause::Mode mode, std::chrono::milliseconds time);

}  // namespace portal::session
