// Session: CLIENT LIST, KILL and UNBLOCK, which speak of all clients, on all shards. What is posted to another shard
// names sessions by id.
#include "conversation/client_errors.hpp"
#include "resp/words.hpp"
#include "session/client_filter.hpp"
#include "session/session.hpp"
#include "session/session_registry.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace portal::session {

using command::Handling;
using observe::Closed;

namespace {

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
/// Takes no further command until the shards have answered; finish_shards() ends that. The slot of the answer.
Session::Slot Session::await_shards() {
    context_.counters.commands_local.add();
    pause(Wait::reply);
    if (executed_) {
        executed_->waiting = true;
        return executed_->slot;
    }
    return order_.open();
}

void Session::finish_shards(Slot slot, std::string bytes) {
    if (executed_) {
        finish_part(bytes);
        return;
    }
    order_.finish(slot, muted_ ? std::string() : std::move(bytes), output_);
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
        std::unordered_map<std::uint64_t, std::uint64_t> asked_at;  // in the order in which they were asked for
        for (const std::uint64_t each : ids) {
            asked_at.emplace(each, asked_at.size());
        }
        std::ranges::stable_sort(all, {}, [&](const Listed& each) {
            const auto found = asked_at.find(each.id);
            return found == asked_at.end() ? each.id : found->second;
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
        bool itself = false;
        for (const Killed& each : shards) {
            count += each.count;
            itself = itself || each.asker;
        }
        std::string out = resp::integer(count);
        if (old_form) {
            out = count > 0 ? resp::simple("OK") : resp::error(client_errors::kNoSuchClient);
        }
        if (itself) {
            asker->ended_ = true;
            asker->ending_ = Closed::killed;
        }
        if (itself && asker->executed_) {
            asker->give_result(std::exchange(out, {}));
            asker->executed_->cut_off = true;
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
            asker->finish_shards(asker->executed_ ? kNoSlot : asker->order_.open(), resp::integer(0));
            return;
        }
        std::string frame;
        resp::write_request(frame, "CLIENT", "UNBLOCK", std::to_string(connection), fails ? "ERROR" : "TIMEOUT");
        if (asker->executed_) {
            asker->submit_own(context.links.shared(asker->identity()), frame, 1);
            return;
        }
        if (asker->wait_ == Wait::reply) {
            asker->wait_ = Wait::drained;
        }
        asker->submit(asker->link_for(asker->needs_pinned()), row, frame);
        asker->context_.turn.mark(*asker);
    };
    pause(Wait::reply);
    if (executed_) {
        executed_->waiting = true;
    }
    const auto shard = static_cast<std::uint32_t>(target % context_.peers.shards());
    context_.peers.ask<std::uint64_t>(shard, context_.shard, look, done);
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
}  // namespace portal::session
