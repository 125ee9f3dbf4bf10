// Session: the CLIENT command. It speaks of the portal's clients, never of the links to the node. Whether the user may
// use it is judged by the node, which is asked the same subcommand in a form that changes nothing there. Here is what
// speaks of the client itself; all_clients.cpp has what speaks of others.
#include "conversation/client_errors.hpp"
#include "resp/words.hpp"
#include "session/client_permission.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"

#include <utility>

#include <fmt/format.h>

namespace portal::session {

using command::Handling;

namespace {

/// About the asking client's own connection: nothing that needs a leader.
bool is_about_itself(Handling handling) {
    switch (handling) {
        case Handling::client_list:
        case Handling::client_kill:
        case Handling::client_pause:
        case Handling::client_unpause:
        case Handling::client_unblock:
            return false;
        default:
            return true;
    }
}

}  // namespace

/// False: must wait, and is asked again.
bool Session::answer_client(const Row& row, const resp::RequestView& request) {
    std::string verdict;
    if (!permitted(row, request, verdict)) {
        return false;
    }
    if (is_refusal(verdict, row.handling)) {
        reply(std::move(verdict));
    } else {
        answer_permitted(row, request, verdict);
    }
    return true;
}

/// `verdict` is what the node has said of it.
void Session::answer_permitted(const Row& row, const resp::RequestView& request, std::string_view verdict) {
    switch (row.handling) {
        case Handling::client_list:
            list_clients(request);
            break;
        case Handling::client_kill:
            kill_clients(request, verdict);
            break;
        case Handling::client_pause:
        case Handling::client_unpause:
            pause_clients(row, request);
            break;
        case Handling::client_unblock:
            unblock_client(row, request);
            break;
        default:
            reply(answer_own(row, request));
            break;
    }
}

/// True once it is known what the node says, which is in `verdict` then. False: it has been asked, or there is nobody
/// to ask.
bool Session::permitted(const Row& row, const resp::RequestView& request, std::string& verdict) {
    if (verdict_) {
        verdict = *std::exchange(verdict_, std::nullopt);
        return true;
    }
    if (!context_.forwarding()) {
        if (is_about_itself(row.handling)) {
            return true;
        }
        if (refusing_) {
            verdict = resp::error(std::string(client_errors::kNoLeader) + std::string(no_leader_reason()));
            return true;
        }
        hold();
        return false;
    }
    const std::string frame = question(row, request, context_.config->name);
    upstream::Link& link = link_for(needs_pinned() || is_large(frame));
    if (!order_.idle() && (is_large(frame) || !order_.is_on(&link))) {
        pause(Wait::drained);
        return false;
    }
    pause(Wait::reply);  // first: a link that cannot be had says so at once
    submit_own(link, frame, 1);
    return false;
}

/// The subcommands about the client's own connection.
std::string Session::answer_own(const Row& row, const resp::RequestView& request) {
    std::string out;
    switch (row.handling) {
        case Handling::client_id:
            return resp::integer(static_cast<std::int64_t>(origin_.id));
        case Handling::client_getname:
            if (state_.name.empty()) {
                resp::write_null(out, state_.protocol);
            } else {
                resp::write_bulk(out, state_.name);
            }
            return out;
        case Handling::client_setname:
            if (!resp::is_printable_word(request.arg(2))) {
                return resp::error(client_errors::kClientName);
            }
            state_.name = request.arg(2);
            return resp::simple("OK");
        case Handling::client_setinfo:
            return set_library(request);
        case Handling::client_info: {
            std::string line;
            write_client_line(line, describe());
            resp::write_verbatim(out, line, state_.protocol);
            return out;
        }
        case Handling::client_no_evict:
        case Handling::client_no_touch: {
            const bool on = resp::is_word(request.arg(2), "on");
            if (!on && !resp::is_word(request.arg(2), "off")) {
                return resp::error(client_errors::kSyntax);
            }
            (row.handling == Handling::client_no_evict ? state_.no_evict : state_.no_touch) = on;
            return resp::simple("OK");
        }
        default:
            return set_reply_mode(request);
    }
}

std::string Session::set_library(const resp::RequestView& request) {
    const std::string option(request.arg(2));
    const bool library = resp::is_word(option, "lib-name");
    if (!library && !resp::is_word(option, "lib-ver")) {
        return resp::error(fmt::format("ERR Unrecognized option '{}'", option.substr(0, 64)));
    }
    if (!resp::is_printable_word(request.arg(3))) {
        return resp::error(fmt::format("ERR {} cannot contain spaces, newlines or special characters.", option));
    }
    (library ? state_.library_name : state_.library_version) = request.arg(3);
    return resp::simple("OK");
}

/// CLIENT REPLY. What it answers is muted already for OFF and SKIP.
std::string Session::set_reply_mode(const resp::RequestView& request) {
    using command::ReplyMode;
    const std::string_view wanted = request.arg(2);
    if (resp::is_word(wanted, "on")) {
        state_.reply_mode = ReplyMode::on;
        muted_ = false;
        return resp::simple("OK");
    }
    const bool skip = resp::is_word(wanted, "skip");
    if (!skip && !resp::is_word(wanted, "off")) {
        return resp::error(client_errors::kSyntax);
    }
    if (!skip || state_.reply_mode != ReplyMode::off) {
        state_.reply_mode = skip ? ReplyMode::skip_next : ReplyMode::off;
    }
    muted_ = true;
    return {};
}
}  // namespace portal::session
