#include "session/all_clients.hpp"

#include "session/client_description.hpp"
#include "session/session.hpp"
#include "session/session_registry.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_map>

namespace portal::session {

std::vector<ListedClient> list_clients(SessionContext& context, const ClientFilter& filter, std::uint64_t asker) {
    std::vector<ListedClient> found;
    const auto add = [&](const Session& session) {
        const ClientLine line = describe(session);
        if (filter.matches(line) && !(filter.skip_asker && line.id == asker)) {
            found.push_back({line.id, {}});
            write_client_line(found.back().line, line);
        }
    };
    for (const std::uint64_t id : filter.wanted.ids) {
        if (const Session* session = context.registry.find(id)) {
            add(*session);
        }
    }
    if (filter.wanted.ids.empty()) {
        std::ranges::for_each(context.registry.all, add);
    }
    return found;
}

std::string listed_lines(std::vector<std::vector<ListedClient>> shards, const std::vector<std::uint64_t>& ids) {
    std::vector<ListedClient> all;
    for (std::vector<ListedClient>& each : shards) {
        std::ranges::move(each, std::back_inserter(all));
    }
    std::unordered_map<std::uint64_t, std::uint64_t> asked_at;
    for (const std::uint64_t each : ids) {
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
    std::ranges::for_each(context.registry.all, consider);
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
