// Session: what CLIENT LIST and CLIENT INFO say of one client, put together from all its parts.
#include "conversation/client_errors.hpp"
#include "session/session.hpp"

#include <chrono>
#include <string>

#include <fmt/format.h>

namespace portal::session {

using command::Handling;

namespace {

std::string text(const boost::asio::ip::tcp::endpoint& endpoint) {
    const boost::asio::ip::address address = endpoint.address();
    const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
    return fmt::format("{}:{}", host, endpoint.port());
}
}  // namespace

ClientLine Session::describe() const {
    const auto seconds = [](auto duration) {
        return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
    };
    ClientLine line;
    line.id = origin_.id;
    line.address = text(origin_.remote);
    line.local_address = text(origin_.local);
    line.descriptor = origin_.descriptor;
    line.name = state_.name;
    line.age = seconds(context_.turn.now() - connected_at_);
    line.idle = seconds(context_.turn.now() - heard_at_);
    line.flags = client_flags();
    line.database = state_.database;
    if (subscriptions_) {
        line.channels = subscriptions_->names().channels.size();
        line.patterns = subscriptions_->names().patterns.size();
        line.shard_channels = subscriptions_->names().shard_channels.size();
    }
    if (transaction_.active()) {
        line.queued_commands = static_cast<std::int64_t>(transaction_.queued().count());
    }
    line.input_bytes = input_.size();
    line.output_bytes = output_.unsent().size();
    line.queued_replies = output_.message_count();
    line.queued_bytes = output_.message_bytes() + order_.stored_bytes();
    line.total_bytes = sizeof(Session) + line.input_bytes + line.output_bytes + line.queued_bytes;
    line.writing = stream_.blocked();
    if (last_row_ != nullptr) {
        line.command = client_errors::full_name(*last_row_);
    }
    line.username = state_.credentials->username.empty() ? "default" : state_.credentials->username;
    if (state_.tracking) {
        line.redirect = tracking_ ? static_cast<std::int64_t>(tracking_->target()) : 0;
    }
    line.protocol = state_.protocol;
    line.library_name = state_.library_name;
    line.library_version = state_.library_version;
    if (const net::TlsEngine* tls = stream_.tls(); tls != nullptr && tls->established()) {
        line.tls_version = tls->version_name();
        line.tls_cipher = tls->cipher();
    }
    return line;
}

bool Session::blocked_at_node() const noexcept {
    if (!pinned_ || !pinned_->was_ready() || pinned_->unsent() > 0 || transaction_.active()) {
        return false;
    }
    const upstream::PendingRequest* front = pinned_->front();
    if (front == nullptr || front->sink.get() != this || front->sequence == kNoSlot) {
        return false;
    }
    const Handling handling = command::row_at(front->tag).handling;
    return handling == Handling::blocking || handling == Handling::wait;
}

std::uint64_t Session::blocked_connection() noexcept {
    if (!blocked_at_node()) {
        return 0;
    }
    pinned_->taint();
    return pinned_->setup().connection_id();
}

/// In redis-server's order of letters.
std::string Session::client_flags() const {
    std::string flags;
    const auto add = [&flags](bool set, char letter) {
        if (set) {
            flags.push_back(letter);
        }
    };
    add(state_.monitoring, 'O');
    add(state_.listens, 'P');
    add(transaction_.active(), 'x');
    add(blocked_at_node() || wait_ == Wait::paused, 'b');
    add(state_.tracking, 't');
    add(tracking_ && tracking_->broken(), 'R');
    add(tracking_ && tracking_->broadcasts(), 'B');
    add(transaction_.watch_broken(), 'd');
    add(ended_, 'c');
    add(state_.no_evict, 'e');
    add(state_.no_touch, 'T');
    return flags.empty() ? "N" : flags;
}
}  // namespace portal::session
