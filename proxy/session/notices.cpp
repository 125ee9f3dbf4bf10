#include "session/notices.hpp"

#include "conversation/client_errors.hpp"
#include "session/session.hpp"

#include <algorithm>
#include <string>

namespace portal::session {

using observe::MaintenanceNotice;

namespace {

/// The gauge of those that have asked so.
observe::Counter& asked(SessionContext& context, command::MovingEndpoint endpoint) {
    return context.counters.maintenance_clients[static_cast<std::size_t>(endpoint) - 1];
}

}  // namespace

void Notices::answer(const resp::RequestView& request) {
    if (context().config->maintenance == config::Maintenance::off) {
        replies().reply_error(client_errors::unknown_subcommand(request.arg(1), "CLIENT"));
        return;
    }
    if (state().protocol != resp::Protocol::resp3) {
        replies().reply_error(client_errors::kNoticesNeedResp3);
        return;
    }
    const command::MaintenanceRequest wanted = command::read_maintenance(request);
    if (!wanted.error.empty()) {
        replies().reply_error(wanted.error);
        return;
    }
    ask(wanted.endpoint);
    replies().reply(resp::simple("OK"));
    // Within a pipeline the answer waits behind others, and its hold is the one that the others know of.
    if (const auto number = context().notices.announced(); number && order().outstanding() == 0) {
        begin_hold(*number);
    }
}

void Notices::ask(Endpoint endpoint) noexcept {
    if (endpoint_ != Endpoint::not_asked) {
        asked(context(), endpoint_).subtract();
    }
    endpoint_ = endpoint;
    if (endpoint_ != Endpoint::not_asked) {
        asked(context(), endpoint_).add();
    } else {
        hold_told_ = owes_end_ = move_told_ = false;
    }
}

void Notices::leave(bool drained) noexcept {
    if (move_told_) {
        (drained ? context().counters.clients_cut : context().counters.clients_moved).add();
    }
    forget();
}

bool Notices::wants() const noexcept {
    return endpoint_ != Endpoint::not_asked && context().config->maintenance == config::Maintenance::on;
}

/// It could go on elsewhere, or with another timeout: nothing that it has begun is bound to this connection.
bool Notices::is_free() const noexcept {
    return !connection().closed() && !connection().ended() && !connection().is_cut_off() && !transaction().active() &&
           !transaction().watch_broken() && !links().needs_own() && !state().listens && !order().blocks() &&
           !large().active() && !relay().active() && unit().left() == 0 && state().reply_mode == command::ReplyMode::on;
}

void Notices::begin_hold(std::int64_t number) {
    if (!wants() || hold_told_ || !is_free()) {
        return;
    }
    hold_told_ = true;
    at(context().counters.maintenance_notices, MaintenanceNotice::failing_over).add();
    sender().send_push(command::failing_over(number));
}

void Notices::end_hold() {
    if (!hold_told_) {
        return;
    }
    owes_end_ = !is_free();
    if (owes_end_) {
        return;
    }
    hold_told_ = false;
    at(context().counters.maintenance_notices, MaintenanceNotice::failed_over).add();
    sender().send_push(command::failed_over(context().notices.end_number()));
}

command::MoveTo Notices::move_to() const {
    const ClientOrigin& origin = connection().origin();
    command::KnownEndpoints known;
    if (const net::TlsEngine* tls = connection().stream().tls()) {
        known.server_name = tls->server_name();
    }
    const auto& listeners = context().config->listen;
    if (origin.listener < listeners.size() && listeners[origin.listener].advertise) {
        known.advertised_host = listeners[origin.listener].advertise->host;
        known.advertised_port = listeners[origin.listener].advertise->port;
    }
    const std::string balanced = origin.balanced ? origin.local.address().to_string() : std::string();
    known.balanced_address = balanced;
    known.balanced_port = origin.local.port();
    return command::move_to(endpoint_, known);
}

bool Notices::moves() {
    if (!wants() || !context().notices.may_stay(context().turn.now())) {
        return false;
    }
    if (move_told_) {
        return true;
    }
    const command::MoveTo where = move_to();
    if (!where.told) {
        return false;
    }
    if (const auto move = context().notices.due_move(connection().origin().id, context().turn.now());
        move && is_free()) {
        move_told_ = true;
        at(context().counters.maintenance_notices, MaintenanceNotice::moving).add();
        sender().send_push(command::moving(move->number, move->seconds, where.address));
    }
    return true;
}

}  // namespace portal::session
