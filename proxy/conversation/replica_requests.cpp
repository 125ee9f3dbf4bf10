#include "conversation/replica_requests.hpp"

#include "conversation/client_errors.hpp"
#include "resp/reply_writer.hpp"
#include "resp/words.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace portal::conversation {

namespace {

/// Options of REPLCONF that are answered. What else there may be in newer servers is not known to be.
constexpr auto kAnswered =
    std::to_array<std::string_view>({"listening-port", "ip-address", "capa", "rdb-only", "rdb-filter-only",
                                     "rdb-channel", "main-ch-client-id", "version", "set-rdb-client-id"});
constexpr auto kAcknowledging = std::to_array<std::string_view>({"ack", "fack", "getack"});

template <typename Words>
bool is_one_of(std::string_view word, const Words& words) {
    return std::ranges::any_of(words, [word](std::string_view each) { return resp::is_word(word, each); });
}

/// The node gets the client's address, and a port at which no node listens.
ReplicaRequest read_replconf(const resp::RequestView& request, std::string_view address, bool streams) {
    std::vector<std::string_view> words{"REPLCONF"};
    if (request.argc() % 2 == 0) {
        return {{}, std::string(client_errors::kSyntax)};
    }
    for (std::size_t i = 1; i < request.argc(); i += 2) {
        const std::string_view option = request.arg(i);
        if (!is_one_of(option, kAnswered) && !(streams && is_one_of(option, kAcknowledging))) {
            return {{}, "ERR Unrecognized REPLCONF option: " + std::string(option.substr(0, 64))};
        }
        words.push_back(option);
        if (resp::is_word(option, "listening-port")) {
            words.insert(words.end(), {"0", "ip-address", address});
        } else {
            words.push_back(resp::is_word(option, "ip-address") ? address : request.arg(i + 1));
        }
    }
    ReplicaRequest read;
    resp::write_array_header(read.frame, words.size());
    for (const std::string_view each : words) {
        resp::write_bulk(read.frame, each);
    }
    return read;
}

}  // namespace

ReplicaRequest read_replica_request(const command::CommandRow& row, const resp::RequestView& request,
                                    std::string_view address, bool streams) {
    if (row.handling == command::Handling::replconf) {
        return read_replconf(request, address, streams);
    }
    if (request.argc() > 3) {  // PSYNC id offset FAILOVER makes a replica lead
        return {{}, std::string(client_errors::kSyncFailover)};
    }
    return {std::string(request.frame()), {}};
}

}  // namespace portal::conversation
