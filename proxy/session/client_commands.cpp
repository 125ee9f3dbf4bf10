#include "session/client_commands.hpp"

#include "conversation/client_errors.hpp"
#include "resp/words.hpp"
#include "session/all_clients.hpp"
#include "session/client_permission.hpp"
#include "session/session.hpp"
#include "session/session_bounds.hpp"
#include "session/session_registry.hpp"
#include "session/unblock.hpp"

#include <utility>

#include <fmt/format.h>

namespace portal::session {

using command::Handling;

namespace {

/// A question that ends its link so many times is not asked any more.
constexpr std::uint8_t kLostQuestions = 8;

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

bool ClientCommands::answer(const Row& row, const resp::RequestView& request) {
    std::string verdict;
    if (!permitted(row, request, verdict)) {
        return false;
    }
    if (is_refusal(verdict, row.handling)) {
        host_.reply(std::move(verdict));
    } else {
        answer_permitted(row, request, verdict);
    }
    return true;
}

void ClientCommands::note_question() noexcept {
    ++questions_;
    asked_ = true;
    host_.note_asked();
}

void ClientCommands::note_verdict(std::string_view verdict) {
    if (--questions_ == 0 && asked_) {
        verdict_ = verdict;
    }
    lost_questions_ = 0;
}

void ClientCommands::forget() noexcept {
    verdict_.reset();
    asked_ = false;
}

bool ClientCommands::note_lost_question() noexcept {
    --questions_;
    return ++lost_questions_ <= kLostQuestions;
}

void ClientCommands::answer_permitted(const Row& row, const resp::RequestView& request, std::string_view verdict) {
    switch (row.handling) {
        case Handling::client_list:
            list(request);
            break;
        case Handling::client_kill:
            kill(request, verdict);
            break;
        case Handling::client_pause:
        case Handling::client_unpause:
            pause(row, request);
            break;
        case Handling::client_unblock:
            unblock(request);
            break;
        default:
            host_.reply(answer_own(row, request));
            break;
    }
}

/// True once it is known what the node says, which is in `verdict` then. False: it has been asked, or there is nobody
/// to ask.
bool ClientCommands::permitted(const Row& row, const resp::RequestView& request, std::string& verdict) {
    if (verdict_) {
        verdict = *std::exchange(verdict_, std::nullopt);
        return true;
    }
    const SessionContext& context = host_.context();
    if (!context.forwarding()) {
        if (is_about_itself(row.handling)) {
            return true;
        }
        if (host_.refusing()) {
            verdict = resp::error(std::string(client_errors::kNoLeader) + std::string(host_.no_leader_reason()));
            return true;
        }
        host_.wait_for_leader();
        return false;
    }
    const std::string frame = question(row, request, context.config->name);
    upstream::Link& link = host_.link_for(host_.needs_own_link() || is_large(frame));
    if (is_large(frame) ? !host_.order().idle() : !host_.order().may_use(&link)) {
        host_.pause(Wait::drained);
        return false;
    }
    note_question();
    host_.pause(Wait::reply);  // first: a link that cannot be had says so at once
    host_.submit_own(link, frame, 1);
    return false;
}

// ------------------------------------------------------------------------------------------- the client itself

std::string ClientCommands::answer_own(const Row& row, const resp::RequestView& request) {
    command::SessionState& state = host_.state();
    std::string out;
    switch (row.handling) {
        case Handling::client_id:
            return resp::integer(static_cast<std::int64_t>(host_.id()));
        case Handling::client_getname:
            if (state.name.empty()) {
                resp::write_null(out, state.protocol);
            } else {
                resp::write_bulk(out, state.name);
            }
            return out;
        case Handling::client_setname:
            if (!resp::is_printable_word(request.arg(2))) {
                return resp::error(client_errors::kClientName);
            }
            state.name = request.arg(2);
            return resp::simple("OK");
        case Handling::client_setinfo:
            return set_library(request);
        case Handling::client_info: {
            std::string line;
            write_client_line(line, host_.describe());
            resp::write_verbatim(out, line, state.protocol);
            return out;
        }
        case Handling::client_no_evict:
        case Handling::client_no_touch: {
            const bool on = resp::is_word(request.arg(2), "on");
            if (!on && !resp::is_word(request.arg(2), "off")) {
                return resp::error(client_errors::kSyntax);
            }
            (row.handling == Handling::client_no_evict ? state.no_evict : state.no_touch) = on;
            return resp::simple("OK");
        }
        default:
            return set_reply_mode(request);
    }
}

std::string ClientCommands::set_library(const resp::RequestView& request) {
    const std::string option(request.arg(2));
    const bool library = resp::is_word(option, "lib-name");
    if (!library && !resp::is_word(option, "lib-ver")) {
        return resp::error(fmt::format("ERR Unrecognized option '{}'", option.substr(0, 64)));
    }
    if (!resp::is_printable_word(request.arg(3))) {
        return resp::error(fmt::format("ERR {} cannot contain spaces, newlines or special characters.", option));
    }
    command::SessionState& state = host_.state();
    (library ? state.library_name : state.library_version) = request.arg(3);
    return resp::simple("OK");
}

std::string ClientCommands::set_reply_mode(const resp::RequestView& request) {
    using command::ReplyMode;
    command::SessionState& state = host_.state();
    const std::string_view wanted = request.arg(2);
    if (resp::is_word(wanted, "on")) {
        if (state.reply_mode != ReplyMode::skip_next) {  // as with Redis, a SKIP inside of one transaction stays
            state.reply_mode = ReplyMode::on;
            host_.mute(false);
        }
        return resp::simple("OK");
    }
    const bool skip = resp::is_word(wanted, "skip");
    if (!skip && !resp::is_word(wanted, "off")) {
        return resp::error(client_errors::kSyntax);
    }
    if (!skip || state.reply_mode != ReplyMode::off) {
        state.reply_mode = skip ? ReplyMode::skip_next : ReplyMode::off;
    }
    host_.mute(true);
    return {};
}

// ------------------------------------------------------------------------------------------- all clients, on all
// shards

/// The slot of the answer, for FeatureHost::finish_awaited().
FeatureHost::Slot ClientCommands::await_shards() {
    host_.context().counters.commands_local.add();
    host_.await_answer();
    return host_.open_slot();
}

void ClientCommands::list(const resp::RequestView& request) {
    ClientFilter filter;
    if (const std::string problem = read_list(request, filter); !problem.empty()) {
        host_.reply_error(problem);
        return;
    }
    const auto look = [filter, asker = host_.id()](SessionContext& context) {
        return list_clients(context, filter, asker);
    };
    const auto done = [id = host_.id(), slot = await_shards(), ids = filter.wanted.ids](
                          SessionContext& context, std::vector<std::vector<ListedClient>>& shards) {
        if (FeatureHost* asker = context.registry.features(id)) {
            std::string out;
            resp::write_verbatim(out, listed_lines(std::move(shards), ids), asker->state().protocol);
            asker->finish_awaited(slot, std::move(out));
        }
    };
    host_.context().peers.ask_all<std::vector<ListedClient>>(host_.context().shard, look, done);
}

void ClientCommands::kill(const resp::RequestView& request, std::string_view verdict) {
    std::string user_error;
    if (verdict.starts_with("-ERR")) {
        user_error = verdict.substr(1, verdict.size() - 3);  // without '-' and the line end
    }
    ClientFilter filter;
    if (const std::string problem = read_kill(request, user_error, filter); !problem.empty()) {
        host_.reply_error(problem);
        return;
    }
    const auto look = [filter, asker = host_.id()](SessionContext& context) {
        return kill_clients(context, filter, asker);
    };
    const auto done = [id = host_.id(), slot = await_shards(), old_form = filter.old_form](
                          SessionContext& context, std::vector<KilledClients>& shards) {
        FeatureHost* asker = context.registry.features(id);
        if (asker == nullptr) {
            return;
        }
        std::int64_t count = 0;
        bool itself = false;
        for (const KilledClients& each : shards) {
            count += each.count;
            itself = itself || each.asker;
        }
        std::string out = resp::integer(count);
        if (old_form) {
            out = count > 0 ? resp::simple("OK") : resp::error(client_errors::kNoSuchClient);
        }
        if (itself) {
            asker->finish_killed(slot, std::move(out));
        } else {
            asker->finish_awaited(slot, std::move(out));
        }
    };
    host_.context().peers.ask_all<KilledClients>(host_.context().shard, look, done);
}

/// CLIENT UNBLOCK id [TIMEOUT|ERROR]
void ClientCommands::unblock(const resp::RequestView& request) {
    if (request.argc() > 4) {
        host_.reply_error(client_errors::wrong_subcommand(request.arg(1), "CLIENT"));
        return;
    }
    const bool fails = request.argc() == 4 && resp::is_word(request.arg(3), "error");
    if (request.argc() == 4 && !fails && !resp::is_word(request.arg(3), "timeout")) {
        host_.reply_error(client_errors::kUnblockReason);
        return;
    }
    const auto wanted = resp::to_integer(request.arg(2));
    if (!wanted) {
        host_.reply_error(client_errors::kNotInteger);
        return;
    }
    const auto answer = [id = host_.id(), slot = await_shards()](SessionContext& context, const std::string& bytes) {
        if (FeatureHost* asker = context.registry.features(id)) {
            asker->finish_awaited(slot, bytes);
        }
    };
    unblock_client(host_.context(), {static_cast<std::uint64_t>(*wanted), fails, host_.identity()}, answer);
}

/// CLIENT PAUSE timeout [WRITE|ALL], CLIENT UNPAUSE
void ClientCommands::pause(const Row& row, const resp::RequestView& request) {
    const PauseRequest wanted = read_pause(row, request);
    if (!wanted.error.empty()) {
        host_.reply_error(wanted.error);
        return;
    }
    const auto look = [mode = wanted.mode, time = wanted.time](SessionContext& context) {
        pause_clients(context, mode, time);
        return 0;
    };
    const auto done = [id = host_.id(), slot = await_shards()](SessionContext& context, std::vector<int>& /*shards*/) {
        if (FeatureHost* asker = context.registry.features(id)) {
            asker->finish_awaited(slot, resp::simple("OK"));
        }
    };
    host_.context().peers.ask_all<int>(host_.context().shard, look, done);
}

}  // namespace portal::session
