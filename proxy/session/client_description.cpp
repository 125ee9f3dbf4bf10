#include "session/client_description.hpp"

#include "conversation/client_errors.hpp"
#include "session/session.hpp"

#include <chrono>
#include <string>

#include <fmt/format.h>

namespace portal::session {

namespace {

std::string text(const boost::asio::ip::tcp::endpoint& endpoint) {
    const boost::asio::ip::address address = endpoint.address();
    const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
    return fmt::format("{}:{}", host, endpoint.port());
}

/// In redis-server's order of letters.
std::string flags_of(const Session& session) {
    const command::SessionState& state = session.conversation.state;
    const ClientTracking* tracking = session.features.tracking();
    std::string flags;
    const auto add = [&flags](bool set, char letter) {
        if (set) {
            flags.push_back(letter);
        }
    };
    add(session.relay.replicates(), 'S');
    add(state.monitoring, 'O');
    add(state.listens, 'P');
    const bool blocked = session.links.blocked_at_node();  // then the node has read nothing of what stands behind
    add(session.conversation.transaction.active() && !blocked, 'x');
    add(blocked || session.intake.wait() == Wait::paused, 'b');
    add(state.tracking, 't');
    add(tracking != nullptr && tracking->broken(), 'R');
    add(tracking != nullptr && tracking->broadcasts(), 'B');
    add(session.conversation.transaction.watch_broken(), 'd');
    add(session.connection.ended(), 'c');
    add(state.no_evict, 'e');
    add(state.no_touch, 'T');
    return flags.empty() ? "N" : flags;
}

}  // namespace

ClientLine describe(const Session& session) {
    const command::SessionState& state = session.conversation.state;
    const ClientOutput& output = session.sender.output();
    const ClientSubscriptions* subscriptions = session.features.subscriptions();
    const ClientTracking* tracking = session.features.tracking();
    const auto seconds = [](auto duration) {
        return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
    };
    ClientLine line;
    line.id = session.connection.origin().id;
    line.address = text(session.connection.origin().remote);
    line.local_address = text(session.connection.origin().local);
    line.descriptor = session.connection.origin().descriptor;
    line.name = state.name;
    line.age = seconds(session.context.turn.now() - session.connection.connected_at());
    line.idle = seconds(session.context.turn.now() - session.connection.heard_at());
    line.flags = flags_of(session);
    line.database = state.database;
    if (subscriptions != nullptr) {
        line.channels = subscriptions->names().channels.size();
        line.patterns = subscriptions->names().patterns.size();
        line.shard_channels = subscriptions->names().shard_channels.size();
    }
    if (session.conversation.transaction.active()) {
        line.queued_commands = static_cast<std::int64_t>(session.conversation.transaction.queued().count());
    }
    line.input_bytes = session.intake.kept();
    line.output_bytes = output.unsent().size();
    line.queued_replies = output.message_count();
    line.queued_bytes = output.message_bytes() + session.conversation.order.stored_bytes();
    line.total_bytes = sizeof(Session) + line.input_bytes + line.output_bytes + line.queued_bytes;
    line.replicates = session.relay.replicates();
    line.writing = session.connection.stream().blocked();
    if (session.requests.last_row() != nullptr) {
        line.command = client_errors::full_name(*session.requests.last_row());
    }
    line.username = state.credentials->username.empty() ? "default" : state.credentials->username;
    if (state.tracking) {
        line.redirect = tracking != nullptr ? static_cast<std::int64_t>(tracking->target()) : 0;
    }
    line.protocol = state.protocol;
    line.shard = session.context.shard;
    line.received_bytes = session.connection.received_bytes();
    line.sent_bytes = session.sender.sent_bytes();
    line.commands = session.requests.count();
    line.watched = session.conversation.transaction.watching() ? state.watched : 0;
    line.library_name = state.library_name;
    line.library_version = state.library_version;
    if (const net::TlsEngine* tls = session.connection.stream().tls(); tls != nullptr && tls->established()) {
        line.tls_version = tls->version_name();
        line.tls_cipher = tls->cipher();
    }
    return line;
}

}  // namespace portal::session
