// Judge: commands that change what a connection remembers: login, database, protocol, transaction, subscriptions.
#include "judge.hpp"

#include <utility>

#include <fmt/format.h>

namespace portal::adversary {

/// Commands that change what the connection remembers.
void Judge::answer_state(Client& client, const Command& command, const Value& value) {
    if (value.error()) {
        const Fate fate = judge_error(client, command, value);
        const bool says_none = value.text.find("without MULTI") != std::string::npos;
        if (command.want == Want::discard && value.text.starts_with("INDOUBT")) {
            // It is over, but whether the node had begun it nobody knows.
            client.multi = Known::no;
            for (const Command& each : std::exchange(client.queued, {})) {
                settle(client, each, Fate::doubtful);
            }
            client.watched = client.watch_broken = false;
            client.watched_keys.clear();
            return;
        }
        if (command.want == Want::discard && says_none) {
            client.multi = Known::no;
        } else if (command.want == Want::discard && client.multi == Known::no) {
            client.unsure = true;
        }
        client.unsure = client.unsure || fate == Fate::doubtful || command.want == Want::subscribe ||
                        command.want == Want::unsubscribe || command.want == Want::discard;
        if (command.want == Want::tracking_on || command.want == Want::tracking_off) {
            client.tracking = fate == Fate::doubtful ? Known::unknown : client.tracking;
        }
        return;
    }
    switch (command.want) {
        case Want::hello:
            client.protocol = static_cast<int>(command.number);
            check_types(client, value);
            if (value.type != (client.protocol == 3 ? '%' : '*') || value.items.size() != 14) {
                wrong(client, "the answer to another command", "HELLO got " + describe(value));
            }
            client.user = command.user.value_or(client.user);
            return;
        case Want::subscribe:
        case Want::unsubscribe: {
            const bool in = command.want == Want::subscribe;
            in ? void(client.channels.insert(command.words[1])) : void(client.channels.erase(command.words[1]));
            const char type = client.protocol == 3 ? '>' : '*';
            if (!is_confirmation(value) || value.type != type || value.items[1].text != command.words[1] ||
                value.items[0].text != (in ? "subscribe" : "unsubscribe") ||
                value.items[2].text != std::to_string(client.channels.size())) {
                wrong(client, "the answer to another command",
                      fmt::format("{} {} got {}", command.words[0], command.words[1], describe(value)));
            }
            return;
        }
        case Want::client_id:
            if (value.type != ':') {
                wrong(client, "the answer to another command", "CLIENT ID got " + describe(value));
            } else {
                client.portal_id = std::stoull(value.text);
            }
            return;
        case Want::getname:
            if (client.name ? value.text != *client.name : !value.null) {
                wrong(client, "another client's name", describe(value));
            }
            return;
        case Want::reset:
            if (value.text != "RESET") {
                wrong(client, "the answer to another command", "RESET got " + describe(value));
            }
            for (const Command& each : std::exchange(client.queued, {})) {
                settle(client, each, Fate::refused);
            }
            client.user = client.database = 0;
            client.protocol = 2;
            client.multi = client.tracking = Known::no;
            client.watched = client.watch_broken = client.debugging = false;
            client.watched_keys.clear();
            client.channels.clear();
            client.name.reset();
            return;
        default:
            break;
    }
    expect_ok(client, command, value);
    switch (command.want) {
        case Want::multi:
            if (client.multi == Known::yes) {
                wrong(client, "a MULTI is accepted inside a transaction", describe(value));
                client.unsure = true;
            }
            client.multi = Known::yes;
            client.refused_inside = false;
            client.queued.clear();
            break;
        case Want::discard:
            client.multi = Known::no;
            for (const Command& each : std::exchange(client.queued, {})) {
                settle(client, each, Fate::refused);
            }
            client.watched = client.watch_broken = false;
            client.watched_keys.clear();
            break;
        case Want::watch:
            client.watched = true;
            client.watched_keys.insert(command.words.begin() + 1, command.words.end());
            break;
        case Want::unwatch:
            client.watched = client.watch_broken = false;
            client.watched_keys.clear();
            break;
        case Want::auth:
            client.user = static_cast<std::uint32_t>(command.number);
            break;
        case Want::select:
            client.database = static_cast<std::uint32_t>(command.number);
            break;
        case Want::tracking_on:
            client.tracking = Known::yes;
            break;
        case Want::tracking_off:
            client.tracking = Known::no;
            break;
        case Want::setname:
            client.name = command.words[2];
            break;
        case Want::debug:
            client.debugging = true;
            break;
        default:
            break;
    }
}

void Judge::answer_exec(Client& client, const Command& command, const Value& value) {
    const std::vector<Command> queued = std::exchange(client.queued, {});
    const bool watched = client.watched;
    const bool broken = client.watch_broken;
    const Known before = std::exchange(client.multi, Known::no);
    // The portal answers a subscriber of RESP2 itself; what is watched stays so, which is the safe side.
    const bool subscriber = before == Known::no && value.text.find("Can't execute 'exec'") != std::string::npos;
    const bool none = subscriber || value.text.starts_with("ERR EXEC without MULTI") ||
                      (before == Known::no && !value.text.starts_with("EXECABORT"));
    if (!value.error() || !none) {  // else what is watched stays so
        client.watched = client.watch_broken = false;
        client.watched_keys.clear();
    }
    if (value.error()) {
        const Fate fate = judge_error(client, command, value);
        const bool caused = client.refused_inside || value.text.find(" #") != std::string::npos || tolerance_.lost ||
                            tolerance_.refused || tolerance_.login || tolerance_.max_clients || tolerance_.desync;
        if (value.text.starts_with("EXECABORT") && !caused) {
            wrong(client, "a transaction is aborted for no reason", describe(value));
        }
        const bool known = value.text.starts_with("EXECABORT") || value.text.find("without MULTI") != std::string::npos;
        if (!known && fate == Fate::refused && before != Known::no) {
            client.multi = Known::unknown;
            client.unsure = true;
        }
        for (const Command& each : queued) {
            settle(client, each, known ? Fate::refused : Fate::doubtful);
        }
        client.unsure = client.unsure || fate == Fate::doubtful;
        return;
    }
    if (value.null) {
        if (!watched) {
            wrong(client, "EXEC answers nil without a WATCH", describe(value));
        }
        if (watched && !broken && !tolerance_.lost && !tolerance_.refused) {
            wrong(client, "EXEC answers nil though nothing it watches has changed", describe(value));
        }
        for (const Command& each : queued) {
            settle(client, each, Fate::refused);
        }
        return;
    }
    if (value.type != '*' || value.items.size() != queued.size()) {
        wrong(client, "the answer to another command",
              fmt::format("EXEC of {} commands got {}", queued.size(), describe(value)));
        for (const Command& each : queued) {
            settle(client, each, Fate::doubtful);
        }
        client.unsure = true;
        return;
    }
    if (broken) {
        wrong(client, "a transaction is executed though what it watches has changed", describe(value));
    }
    for (std::size_t i = 0; i < queued.size(); ++i) {
        if (queued[i].want != Want::hello) {
            check_types(client, value.items[i]);
        }
        answer(client, queued[i], value.items[i]);
    }
}

}  // namespace portal::adversary
