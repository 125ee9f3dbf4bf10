// One client as CLIENT LIST and CLIENT INFO show it: the fields of redis-server 8.0 in its order, then how the
// connection is encrypted. Pure.
#pragma once

#include "command/session_state.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace portal::session {

/// As redis-server sorts clients for CLIENT LIST TYPE and CLIENT KILL TYPE.
enum class ClientType : std::uint8_t { normal, replica, pubsub, master };

/// normal, replica, slave, pubsub, master, in any case.
[[nodiscard]] std::optional<ClientType> to_client_type(std::string_view word) noexcept;

/// Who it is, and where it has come in.
struct ClientIdentity {
    std::uint64_t id = 0;
    std::string address, local_address;
    int descriptor = -1;
    std::string name;
    std::int64_t age = 0, idle = 0;  // seconds
    std::string username;
    std::string library_name, library_version;
    std::uint32_t shard = 0;                   // which serves it
    std::string_view tls_version, tls_cipher;  // empty: not encrypted
};

/// What holds on its connection.
struct ClientConditions {
    std::string flags;
    std::uint32_t database = 0;
    std::size_t channels = 0, patterns = 0, shard_channels = 0;
    std::int64_t queued_commands = -1;  // -1: no transaction
    std::size_t watched = 0;            // keys that it named in WATCH and that still count
    bool replicates = false;            // has a stream of replication
    std::string command;                // the last one; empty: none yet
    std::int64_t redirect = -1;         // -1: no tracking; 0: tracking without a redirection
    resp::Protocol protocol = resp::Protocol::resp2;
};

/// What has come, what is to go, and what it takes.
struct ClientVolume {
    std::size_t input_bytes = 0, output_bytes = 0, queued_replies = 0, queued_bytes = 0, total_bytes = 0;
    bool writing = false;                                            // waits for the socket to take more
    std::uint64_t received_bytes = 0, sent_bytes = 0, commands = 0;  // since it has connected
};

struct ClientLine : ClientIdentity, ClientConditions, ClientVolume {
    [[nodiscard]] ClientType type() const noexcept {
        if (replicates) {
            return ClientType::replica;
        }
        return channels + patterns + shard_channels > 0 ? ClientType::pubsub : ClientType::normal;
    }
};

/// Appends the line with its line end.
void write_client_line(std::string& out, const ClientLine& line);

}  // namespace portal::session
