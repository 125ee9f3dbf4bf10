#include "session/client_line.hpp"

#include "resp/words.hpp"

#include <iterator>

#include <fmt/format.h>

namespace portal::session {

std::optional<ClientType> to_client_type(std::string_view word) noexcept {
    if (resp::is_word(word, "normal")) {
        return ClientType::normal;
    }
    if (resp::is_word(word, "slave") || resp::is_word(word, "replica")) {
        return ClientType::replica;
    }
    if (resp::is_word(word, "pubsub")) {
        return ClientType::pubsub;
    }
    if (resp::is_word(word, "master")) {
        return ClientType::master;
    }
    return std::nullopt;
}

void write_client_line(std::string& out, const ClientLine& line) {
    fmt::format_to(
        std::back_inserter(out),
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} watch={} "
        "qbuf={} qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl={} oll={} omem={} tot-mem={} events={} "
        "cmd={} user={} redir={} resp={} lib-name={} lib-ver={} io-thread={} tot-net-in={} "
        "tot-net-out={} tot-cmds={} tls={} cipher={}\n",
        line.id, line.address, line.local_address, line.descriptor, line.name, line.age, line.idle, line.flags,
        line.database, line.channels, line.patterns, line.shard_channels, line.queued_commands, line.watched,
        line.input_bytes, line.output_bytes, line.queued_replies, line.queued_bytes, line.total_bytes,
        line.writing ? "rw" : "r", line.command.empty() ? std::string_view("NULL") : line.command, line.username,
        line.redirect, line.protocol == resp::Protocol::resp3 ? 3 : 2, line.library_name, line.library_version,
        line.shard, line.received_bytes, line.sent_bytes, line.commands, line.tls_version, line.tls_cipher);
}

}  // namespace portal::session
