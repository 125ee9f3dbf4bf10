#include "session/all_clients.hpp"

#include "conversation/client_errors.hpp"
#include "resp/words.hpp"
#include "session/client_description.hpp"
#include "session/session.hpp"
#include "session/session_registry.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_map>

namespace portal::session {

ListRequest read_list(const resp::RequestView& request) {
    ListRequest wanted;
    if (request.argc() == 4 && resp::is_word(request.arg(2), "type")) {
        wanted.type = to_client_type(request.arg(3));
        if (!wanted.type) {
            wanted.error = client_errors::unknown_client_type(request.arg(3));
        }
    } else if (request.argc() > 3 && resp::is_word(request.arg(2), "id")) {
        for (std::size_t i = 3; i < request.argc() && wanted.error.empty(); ++i) {
            if (const auto id = resp::to_integer(request.arg(i))) {
                wanted.ids.push_back(static_cast<std::uint64_t>(*id));
            } else {
                wanted.error = client_errors::kClientId;
            }
        }
    } else if (request.argc() != 2) {
        wanted.error = client_errors::kSyntax;
    }
    return wanted;
}

std::vector<ListedClient> list_clients(SessionContext& context, const ListRequest& wanted) {
    std::vector<ListedClient> found;
    const auto add = [&](const Session& session) {
        const ClientLine line = describe(session);
        if (!wanted.type || line.type() == *wanted.type) {
            found.push_back({line.id, {}});
            write_client_line(found.back().line, line);
        }
    };
    for (const std::uint64_t id : wanted.ids) {
        if (const Session* session = context.registry.find(id)) {
            add(*session);
        }
    }
    if (wanted.ids.empty()) {
        std::ranges::for_each(context.registry.all, add);
    }
    return found;
}

std::string listed_lines(std::vector<std::vector<ListedClient>> shards, const ListRequest& wanted) {
    std::vector<ListedClient> all;
    for (std::vector<ListedClient>& each : shards) {
        std::ranges::move(each, std::back_inserter(all));
    }
    std::unordered_map<std::uint64_t, std::uint64_t> asked_at;
    for (const std::uint64_t each : wanted.ids) {
        asked_at.emplace(each, asked_at.size());
    }
    std::ranges::stable_sort(all, {}, [&](const ListedClient& each) {
        const auto found = asked_at.find(each.id);
        return found == asked_at.end() ? each.id : found->second;
    });
    std::string lines;
    for (const ListedClient& each : all) {
        lines += each.line;
    }
    return lines;
}

KilledClients kill_clients(SessionContext& context, const ClientFilter& filter, std::uint64_t asker) {
    KilledClients killed;
    std::vector<SessionPtr> victims;
    const auto consider = [&](Session& session) {
        if (!filter.matches(describe(session)) || (session.id() == asker && filter.skip_asker)) {
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
        victim->connection.close(observe::Closed::killed);
    }
    return killed;
}

std::uint64_t blocked_connection(SessionContext& context, std::uint64_t id) {
    Session* session = context.registry.find(id);
    return session != nullptr ? session->links.blocked_connection() : 0;
}

void pause_clients(SessionContext& context, ClientPause::Mode mode, std::chrono::milliseconds time) {
    if (mode == ClientPause::Mode::none) {
        end_pause(context);
    } else {
        context.pause.extend(mode, context.turn.now() + time);
    }
}

void end_pause(SessionContext& context) {
    context.pause = {};
    for (Session& each : context.registry.all) {
        each.intake.end_pause();
    }
}

}  // namespace portal::session
