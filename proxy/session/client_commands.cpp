// Session: the CLIENT command. It speaks of the portal's clients, on all shards, never of the links to the node.
// Whether the user may use it is judged by the node, which is asked the same subcommand in a form that changes nothing
// there.
#include "resp/words.hpp"
#include "session/client_errors.hpp"
#include "session/client_filter.hpp"
#include "session/session.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace portal::session {

using command::Handling;
using observe::Closed;

namespace {

/// The id of no connection of a node.
constexpr std::string_view kNobody = "9223372036854775807";

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

/// What the node is asked instead of `request`. It checks permissions first, and then finds nothing to do.
std::string question(const command::CommandRow& row, const resp::RequestView& request, std::string_view link_name) {
    std::string out;
    const std::string word(request.arg(1));
    switch (row.handling) {
        case Handling::client_list:
            resp::write_request(out, "CLIENT", word, "ID", kNobody);
            break;
        case Handling::client_kill:
            if (const auto user = user_of_kill(request)) {
                resp::write_request(out, "CLIENT", word, "ID", kNobody, "USER", *user);
            } else {
                resp::write_request(out, "CLIENT", word, "ID", kNobody);
            }
            break;
        case Handling::client_unblock:
            resp::write_request(out, "CLIENT", word, kNobody);
            break;
        case Handling::client_pause:
            resp::write_request(out, "CLIENT", word, "?");  // no time, so there is no pause
            break;
        case Handling::client_unpause:
            // It would end a pause that a portal has made for a switchover.
            resp::write_request(out, "CLIENT", "PAUSE", "?");
            break;
        case Handling::client_setname:
            resp::write_request(out, "CLIENT", word, link_name);
            break;
        case Handling::client_setinfo:
            resp::write_request(out, "CLIENT", word, "LIB-NAME", "redis-portal");
            break;
        case Handling::client_no_evict:
        case Handling::client_no_touch:
            resp::write_request(out, "CLIENT", word, "OFF");
            break;
        case Handling::client_reply:
            resp::write_request(out, "CLIENT", word, "ON");
            break;
        default:
            resp::write_request(out, "CLIENT", word);
            break;
    }
    return out;
}

bool is_refusal(std::string_view verdict, Handling handling) {
    return verdict.starts_with("-NO") ||  // NOPERM, NOAUTH, NOLEADER
           (handling == Handling::client_no_touch && verdict.starts_with("-ERR unknown"));
}

std::string error(std::string_view text) {
    std::string out;
    resp::write_error(out, text);
    return out;
}

std::string integer(std::int64_t value) {
    std::string out;
    resp::write_integer(out, value);
    return out;
}

std::string simple(std::string_view text) {
    std::string out;
    resp::write_simple(out, text);
    return out;
}

std::string text(const boost::asio::ip::tcp::endpoint& endpoint) {
    const boost::asio::ip::address address = endpoint.address();
    const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
    return fmt::format("{}:{}", host, endpoint.port());
}

/// One client of a shard in CLIENT LIST.
struct Listed {
    std::uint64_t id = 0;
    std::string line;
};

/// What a CLIENT KILL did on one shard.
struct Killed {
    std::int64_t count = 0;
    bool asker = false;  // it means the asking client too
};

std::vector<Listed> list(SessionContext& context, std::optional<ClientType> type,
                         const std::vector<std::uint64_t>& ids) {
    std::vector<Listed> found;
    const auto add = [&](const Session& session) {
        const ClientLine line = session.describe();
        if (!type || line.type() == *type) {
            found.push_back({line.id, {}});
            write_client_line(found.back().line, line);
        }
    };
    for (const std::uint64_t id : ids) {
        if (const Session* session = context.registry.find(id)) {
            add(*session);
        }
    }
    if (ids.empty()) {
        std::ranges::for_each(context.registry.all, add);
    }
    return found;
}

Killed kill(SessionContext& context, const ClientFilter& filter, std::uint64_t asker) {
    Killed killed;
    std::vector<SessionPtr> victims;
    const auto consider = [&](Session& session) {
        if (!filter.matches(session.describe()) || (session.id() == asker && filter.skip_asker)) {
            return;
        }
        ++killed.count;
        if (session.id() == asker) {
            killed.asker = true;
        } else {
            victims.emplace_back(&session);
        }
    };
    if (filter.id == 0) {
        std::ranges::for_each(context.registry.all, consider);
    } else if (Session* session = context.registry.find(filter.id)) {
        consider(*session);
    }
    for (const SessionPtr& victim : victims) {
        victim->close(Closed::killed);
    }
    return killed;
}

}  // namespace

/// False: must wait, and is asked again.
bool Session::answer_client(const Row& row, const resp::RequestView& request) {
    if (state_.in_transaction()) {
        denied_in_transaction_ = true;
        reply_error(client_errors::kClientInTransaction);
        return true;
    }
    std::string verdict;
    if (!permitted(row, request, verdict)) {
        return false;
    }
    if (is_refusal(verdict, row.handling)) {
        reply(std::move(verdict));
        return true;
    }
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
    return true;
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
            verdict = error(std::string(client_errors::kNoLeader) + std::string(no_leader_reason()));
            return true;
        }
        hold();
        return false;
    }
    upstream::Link& link = link_for(state_.needs_pinned());
    if (in_flight_ > 0 && last_link_ != &link) {
        pause(Wait::drained);
        return false;
    }
    submit_own(link, question(row, request, context_.config.name), 1);
    pause(Wait::reply);
    return false;
}

/// The subcommands about the client's own connection.
std::string Session::answer_own(const Row& row, const resp::RequestView& request) {
    std::string out;
    switch (row.handling) {
        case Handling::client_id:
            return integer(static_cast<std::int64_t>(origin_.id));
        case Handling::client_getname:
            if (state_.name.empty()) {
                resp::write_null(out, state_.protocol);
            } else {
                resp::write_bulk(out, state_.name);
            }
            return out;
        case Handling::client_setname:
            if (!resp::is_printable_word(request.arg(2))) {
                return error(client_errors::kClientName);
            }
            state_.name = request.arg(2);
            return simple("OK");
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
                return error(client_errors::kSyntax);
            }
            (row.handling == Handling::client_no_evict ? state_.no_evict : state_.no_touch) = on;
            return simple("OK");
        }
        default:
            return set_reply_mode(request);
    }
}

std::string Session::set_library(const resp::RequestView& request) {
    const std::string option(request.arg(2));
    const bool library = resp::is_word(option, "lib-name");
    if (!library && !resp::is_word(option, "lib-ver")) {
        return error(fmt::format("ERR Unrecognized option '{}'", option.substr(0, 64)));
    }
    if (!resp::is_printable_word(request.arg(3))) {
        return error(fmt::format("ERR {} cannot contain spaces, newlines or special characters.", option));
    }
    (library ? state_.library_name : state_.library_version) = request.arg(3);
    return simple("OK");
}

/// CLIENT REPLY. What it answers is muted already for OFF and SKIP.
std::string Session::set_reply_mode(const resp::RequestView& request) {
    using command::ReplyMode;
    const std::string_view wanted = request.arg(2);
    if (resp::is_word(wanted, "on")) {
        state_.reply_mode = ReplyMode::on;
        muted_ = false;
        return simple("OK");
    }
    const bool skip = resp::is_word(wanted, "skip");
    if (!skip && !resp::is_word(wanted, "off")) {
        return error(client_errors::kSyntax);
    }
    if (!skip || state_.reply_mode != ReplyMode::off) {
        state_.reply_mode = skip ? ReplyMode::skip_next : ReplyMode::off;
    }
    muted_ = true;
    return {};
}

// ------------------------------------------------------------------------------------------- all clients, all shards

/// Takes no further command until the shards have answered; finish_shards() ends that. The slot of the answer.
Session::Slot Session::await_shards() {
    context_.counters.commands_local.add();
    pause(Wait::reply);
    return replies_.open();
}

void Session::finish_shards(Slot slot, std::string bytes) {
    replies_.finish(slot, muted_ ? std::string() : std::move(bytes), output_);
    if (wait_ == Wait::reply) {
        wait_ = Wait::drained;
    }
    context_.turn.mark(*this);
}

/// CLIENT LIST [TYPE type] | [ID id ...]
void Session::list_clients(const resp::RequestView& request) {
    std::optional<ClientType> type;
    std::vector<std::uint64_t> ids;
    if (request.argc() == 4 && resp::is_word(request.arg(2), "type")) {
        type = to_client_type(request.arg(3));
        if (!type) {
            reply_error(client_errors::unknown_client_type(request.arg(3)));
            return;
        }
    } else if (request.argc() > 3 && resp::is_word(request.arg(2), "id")) {
        for (std::size_t i = 3; i < request.argc(); ++i) {
            const auto id = resp::to_integer(request.arg(i));
            if (!id) {
                reply_error(client_errors::kClientId);
                return;
            }
            ids.push_back(static_cast<std::uint64_t>(*id));
        }
    } else if (request.argc() != 2) {
        reply_error(client_errors::kSyntax);
        return;
    }
    const auto look = [type, ids](SessionContext& context) { return list(context, type, ids); };
    const auto done = [id = origin_.id, slot = await_shards(), ids](SessionContext& context,
                                                                    std::vector<std::vector<Listed>>& shards) {
        Session* asker = context.registry.find(id);
        if (asker == nullptr) {
            return;
        }
        std::vector<Listed> all;
        for (std::vector<Listed>& each : shards) {
            std::ranges::move(each, std::back_inserter(all));
        }
        std::ranges::stable_sort(all, {}, [&](const Listed& each) {
            return ids.empty() ? each.id : static_cast<std::uint64_t>(std::ranges::find(ids, each.id) - ids.begin());
        });
        std::string lines;
        for (const Listed& each : all) {
            lines += each.line;
        }
        std::string out;
        resp::write_verbatim(out, lines, asker->state_.protocol);
        asker->finish_shards(slot, std::move(out));
    };
    context_.peers.ask_all<std::vector<Listed>>(context_.shard, look, done);
}

void Session::kill_clients(const resp::RequestView& request, std::string_view verdict) {
    std::string user_error;
    if (verdict.starts_with("-ERR")) {
        user_error = verdict.substr(1, verdict.size() - 3);  // without '-' and the line end
    }
    ClientFilter filter;
    if (const std::string problem = read_kill(request, user_error, filter); !problem.empty()) {
        reply_error(problem);
        return;
    }
    const auto look = [filter, asker = origin_.id](SessionContext& context) { return kill(context, filter, asker); };
    const auto done = [id = origin_.id, slot = await_shards(), old_form = filter.old_form](
                          SessionContext& context, std::vector<Killed>& shards) {
        Session* asker = context.registry.find(id);
        if (asker == nullptr) {
            return;
        }
        std::int64_t count = 0;
        for (const Killed& each : shards) {
            count += each.count;
            if (each.asker) {
                asker->ended_ = true;
                asker->ending_ = Closed::killed;
            }
        }
        std::string out = integer(count);
        if (old_form) {
            out = count > 0 ? simple("OK") : error(client_errors::kNoSuchClient);
        }
        asker->finish_shards(slot, std::move(out));
    };
    context_.peers.ask_all<Killed>(context_.shard, look, done);
}

/// CLIENT UNBLOCK id [TIMEOUT|ERROR]: the node unblocks the connection on which that client waits; its answer is the
/// answer.
void Session::unblock_client(const Row& row, const resp::RequestView& request) {
    if (request.argc() > 4) {
        reply_error(client_errors::wrong_subcommand(request.arg(1), "CLIENT"));
        return;
    }
    const bool fails = request.argc() == 4 && resp::is_word(request.arg(3), "error");
    if (request.argc() == 4 && !fails && !resp::is_word(request.arg(3), "timeout")) {
        reply_error(client_errors::kUnblockReason);
        return;
    }
    const auto wanted = resp::to_integer(request.arg(2));
    if (!wanted) {
        reply_error(client_errors::kNotInteger);
        return;
    }
    const auto target = static_cast<std::uint64_t>(*wanted);
    const auto look = [target](SessionContext& context) {
        Session* session = context.registry.find(target);
        return session != nullptr ? session->blocked_connection() : 0;
    };
    const auto done = [id = origin_.id, &row, fails](SessionContext& context, std::uint64_t& connection) {
        Session* asker = context.registry.find(id);
        if (asker == nullptr) {
            return;
        }
        if (connection == 0 || !context.forwarding()) {
            asker->finish_shards(asker->replies_.open(), integer(0));
            return;
        }
        std::string frame;
        resp::write_request(frame, "CLIENT", "UNBLOCK", std::to_string(connection), fails ? "ERROR" : "TIMEOUT");
        if (asker->wait_ == Wait::reply) {
            asker->wait_ = Wait::drained;
        }
        asker->submit(asker->link_for(asker->state_.needs_pinned()), row, frame);
        asker->context_.turn.mark(*asker);
    };
    pause(Wait::reply);
    const auto shard = static_cast<std::uint32_t>(target % context_.peers.shards());
    context_.peers.ask<std::uint64_t>(shard, context_.shard, look, done);
}

bool Session::blocked_at_node() const noexcept {
    if (!pinned_ || !pinned_->was_ready() || pinned_->unsent() > 0 || state_.in_transaction()) {
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
    pinned_clean_ = false;
    return pinned_->setup().connection_id();
}

// ------------------------------------------------------------------------------------------- CLIENT LIST's line

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
    line.channels = state_.subscriptions.channels.size();
    line.patterns = state_.subscriptions.patterns.size();
    line.shard_channels = state_.subscriptions.shard_channels.size();
    if (state_.in_transaction()) {
        line.queued_commands = queued_commands_;
    }
    line.input_bytes = input_.size();
    line.output_bytes = unsent_output();
    line.queued_replies = messages_ ? messages_->size() : 0;
    line.queued_bytes = (messages_ ? messages_->bytes() : 0) + replies_.stored_bytes();
    line.total_bytes = sizeof(Session) + line.input_bytes + line.output_bytes + line.queued_bytes;
    line.writing = stream_.blocked();
    if (last_row_ != nullptr) {
        line.command = client_errors::full_name(*last_row_);
    }
    line.username = state_.credentials->username.empty() ? "default" : state_.credentials->username;
    if (state_.tracking) {
        line.redirect = relay_ ? static_cast<std::int64_t>(relay_->target()) : 0;
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

/// In redis-server's order of letters.
std::string Session::client_flags() const {
    std::string flags;
    const auto add = [&flags](bool set, char letter) {
        if (set) {
            flags.push_back(letter);
        }
    };
    add(state_.monitoring, 'O');
    add(state_.subscriptions.count() > 0, 'P');
    add(state_.in_transaction(), 'x');
    add(blocked_at_node() || wait_ == Wait::paused, 'b');
    add(state_.tracking, 't');
    add(relay_ && relay_->broken(), 'R');
    add(tracking_ && tracking_->broadcasts(), 'B');
    add(state_.watch_broken, 'd');
    add(ended_, 'c');
    add(state_.no_evict, 'e');
    add(state_.no_touch, 'T');
    return flags.empty() ? "N" : flags;
}

}  // namespace portal::session
