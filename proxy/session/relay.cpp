#include "session/relay.hpp"

#include "conversation/client_errors.hpp"
#include "conversation/replica_requests.hpp"
#include "observe/log.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"

namespace portal::session {

using command::Handling;
using observe::Closed;

/// What comes next would stand behind replies that are still to come. False: the client waits.
bool Relay::nothing_outstanding() const {
    if (!order().idle()) {
        intake().pause(Wait::drained);
        return false;
    }
    if (order().outstanding() > 0) {
        intake().pause(Wait::delivered);
        return false;
    }
    return true;
}

bool Relay::begin_debugger(const Row& row, std::string_view frame) {
    if (!nothing_outstanding()) {
        return false;
    }
    kind_ = Kind::debugger;
    order().note_sent(links().own().get(), 0);
    const upstream::LinkPtr link(links().own().get());
    link->taint();
    link->stream(links().open_request(row));
    link->relay();
    link->stream_part(frame, false);
    return true;
}

bool Relay::ask_for_stream(const Row& row, const resp::RequestView& request) {
    if (!nothing_outstanding()) {
        return false;
    }
    if (refuse_stream(row)) {
        return true;
    }
    const ReplicaRequest read = read_replica_request(row, request, client_address(), false);
    if (read.frame.empty()) {
        replies().reply_error(read.error);
        return true;
    }
    if (row.handling == Handling::replconf) {
        return links().submit(links().link_for(true), row, read.frame);
    }
    // The node accepts it only where no reply is still to come, not even to a fence.
    links().submit(links().lease_fresh(upstream::LinkPool::Before::no_fence), row, read.frame);
    intake().pause(Wait::drained);  // its answer tells what follows
    return true;
}

/// Messages for the client would stand within its stream.
bool Relay::refuse_stream(const Row& row) {
    if (transaction().active()) {
        replies().deny(resp::error(client_errors::kInTransaction));
        return true;
    }
    const command::SessionState& now = state();
    if (row.handling == Handling::sync &&
        (now.listens || now.listens_on_link || now.tracking || now.monitoring || now.debugging || now.fieldsets > 0)) {
        replies().reply_error(client_errors::kSyncAlone);
        return true;
    }
    return false;
}

void Relay::on_opened() {
    kind_ = Kind::replica;
    connection().stream().allow_long_silence();
    connection().arm();
    observe::log_info("session", "a client is given a stream of replication",
                      {{"client", client_address()},
                       {"port", connection().origin().remote.port()},
                       {"user", login().identity().username},
                       {"node", links().own()->node().name}});
    mark();
}

void Relay::take(const Row& row, const resp::RequestView& request) {
    if (!links().own()) {
        return;  // it has ended, and so does the client
    }
    if (kind_ == Kind::replica) {
        const bool of_replica = row.handling == Handling::replconf || row.handling == Handling::sync;
        const ReplicaRequest read =
            of_replica ? read_replica_request(row, request, client_address(), true) : ReplicaRequest{};
        if (read.frame.empty()) {
            connection().close(Closed::protocol);  // as redis-server, which has executed the command before
            return;
        }
        pass_on(read.frame);
    } else if (!context().refusal(row, request).empty()) {
        context().counters.commands_denied.add();
        connection().close(Closed::backend);  // an answer of the portal's has no place among those of the debugger
        return;
    } else {
        pass_on(request.frame());
    }
    context().counters.commands.add();
}

void Relay::take_empty(std::string_view line) {
    if (kind_ == Kind::replica && links().own()) {
        pass_on(line);
    }
}

void Relay::pass_on(std::string_view bytes) {
    const upstream::LinkPtr link(links().own().get());
    link->stream_part(bytes, false);
    if (link->requests().unsent() > kUnwritten) {
        intake().pause(Wait::link);
    }
}

void Relay::on_relayed(std::string_view bytes) {
    output().append(bytes);
    sender().send_what_came();
}

void Relay::end(const upstream::PendingRequest& request) {
    order().finish(request.sequence, {}, output());
    connection().end(Closed::backend);
    mark();
}

std::string Relay::client_address() const {
    const boost::asio::ip::address address = connection().origin().remote.address();
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()).to_string();
    }
    return address.to_string();
}

}  // namespace portal::session
