// Judge: what any answer is held against first: types, pushes, transactions, logins. judge_values.cpp has the values.
#include "judge.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace portal::adversary {

namespace {

bool is_confirmation(const Value& value) {
    return value.items.size() == 3 && (value.items[0].text == "subscribe" || value.items[0].text == "unsubscribe");
}

bool changes_data(Want want) {
    switch (want) {
        case Want::set:
        case Want::number:
        case Want::hset:
        case Want::rpush:
        case Want::lpop:
        case Want::del:
        case Want::eval:
        case Want::count_of_receivers:
            return true;
        default:
            return false;
    }
}

}  // namespace

void Judge::wrong(const Client& client, const std::string& kind, const std::string& what) {
    ledger_.wrong(kind, what + "\n  " + client.history());
}

void Judge::check_types(Client& client, const Value& value) {
    if (const char type = wrong_type(value, client.protocol)) {
        wrong(client, "a type of the other protocol",
              fmt::format("'{}' on a connection of RESP{}: {}", type, client.protocol, describe(value)));
    }
}

void Judge::take(Client& client, const Value& value) {
    client.note("  < " + describe(value));
    const bool front_is_hello = !client.expected.empty() && client.expected.front().want == Want::hello;
    if (!front_is_hello) {
        check_types(client, value);
    }
    if (take_push(client, value)) {
        return;
    }
    if (client.expected.empty()) {
        wrong(client, "an answer that nobody asked for", describe(value));
        client.unsure = true;
        return;
    }
    ++answers_;
    Command command = std::move(client.expected.front());
    client.expected.pop_front();
    if (value.error()) {
        for (std::size_t i = 0; i < command.followers && !client.expected.empty(); ++i) {
            client.expected.pop_front();
        }
    }
    if (!takes_queued(client, command, value)) {
        answer(client, command, value);
    }
}

/// What no command asked for. False: it is an answer.
bool Judge::take_push(Client& client, const Value& value) {
    if (is_confirmation(value) || value.items.empty()) {
        return false;
    }
    const std::string& what = value.items[0].text;
    if (value.type == '*') {
        if (client.protocol != 2 || client.channels.empty() || what != "message" || value.items.size() != 3) {
            return false;
        }
    } else if (value.type != '>') {
        return false;
    }
    if (what == "message" && value.items.size() == 3) {
        take_message(client, value.items[1].text, value.items[2].text);
    } else if (what == "invalidate" && value.items.size() == 2) {
        take_invalidation(client, value.items[1]);
    } else if (what == "tracking-redir-broken" && client.ever_redirected) {
        return true;
    } else if (what != "noise" || !tolerance_.noise) {
        wrong(client, "a push that was not meant for it", describe(value));
    }
    return true;
}

void Judge::take_message(Client& client, const std::string& channel, const std::string& message) {
    if (!client.channels.contains(channel)) {
        wrong(client, "a message of a channel that it does not listen to", channel);
    }
    const auto mark = leading_mark(message);
    if (!mark || value_of(*mark) != message) {
        wrong(client, "a message whose bytes changed", shown(message));
    }
}

void Judge::take_invalidation(Client& client, const Value& keys) {
    const bool may_be_told = client.tracking != Known::no || client.portal_id != 0;
    if (keys.null && !may_be_told) {
        wrong(client, "an invalidation though it tracks nothing", describe(keys));
    }
    for (const Value& key : keys.items) {
        const auto owner = owner_of(key.text);
        const bool own = owner && owner->client == client.id && may_be_told;
        const bool redirected = owner && owner->client == client.buddy && client.portal_id != 0;
        if (!own && !redirected) {
            wrong(client, "an invalidation that was not meant for it", key.text);
        }
    }
}

/// True: it was queued in a transaction, and is answered with EXEC.
bool Judge::takes_queued(Client& client, Command& command, const Value& value) {
    const bool ends = command.want == Want::exec || command.want == Want::discard || command.want == Want::reset;
    const bool queued = value.type == '+' && value.text == "QUEUED";
    if (!queued) {
        if (client.multi == Known::yes && !ends && command.want != Want::multi && !value.error()) {
            wrong(client, "a command was executed inside a transaction that was not", describe(value));
            client.unsure = true;
        }
        return false;
    }
    if (client.multi == Known::no) {
        wrong(client, "QUEUED outside of a transaction", command.words[0]);
        client.unsure = true;
        settle(client, command, Fate::doubtful);
    } else {
        client.queued.push_back(std::move(command));
    }
    return true;
}

void Judge::answer(Client& client, const Command& command, const Value& value) {
    switch (command.want) {
        case Want::exec:
            answer_exec(client, command, value);
            return;
        case Want::rpush:
        case Want::lrange:
        case Want::lpop:
        case Want::blpop:
            answer_list(client, command, value);
            return;
        case Want::set:
        case Want::get:
        case Want::mget:
        case Want::strlen:
        case Want::number:
        case Want::word:
        case Want::whoami:
        case Want::hset:
        case Want::hgetall:
        case Want::del:
        case Want::eval:
        case Want::count_of_receivers:
        case Want::unknown:
        case Want::deadly:
            answer_data(client, command, value);
            return;
        default:
            answer_state(client, command, value);
    }
}

void Judge::expect_ok(Client& client, const Command& command, const Value& value) {
    if (value.type != '+' || value.text != "OK") {
        wrong(client, "the answer to another command", fmt::format("{} got {}", command.words[0], describe(value)));
        client.unsure = true;
    }
}

/// Commands that change what the connection remembers.
void Judge::answer_state(Client& client, const Command& command, const Value& value) {
    if (value.error()) {
        const Fate fate = judge_error(client, command, value);
        const bool says_none = value.text.find("without MULTI") != std::string::npos;
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
            client.multi = Known::yes;
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
    const bool watched = std::exchange(client.watched, false);
    const bool broken = std::exchange(client.watch_broken, false);
    client.watched_keys.clear();
    const Known before = std::exchange(client.multi, Known::no);
    if (value.error()) {
        const Fate fate = judge_error(client, command, value);
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
        answer(client, queued[i], value.items[i]);
    }
}

/// Whether a refusal speaks of this very command; what is refused may also be what the portal asked first.
bool Judge::is_own_subject(const Client& client, const Command& command, std::string_view text) {
    const std::string name = folded(command.words[0]);
    const std::string argument = command.words.size() > 1 ? shown(command.words[1], 60) : "";
    if (text.ends_with(fmt::format(" '{}' #{}", name, argument))) {
        return true;
    }
    const bool login = tolerance_.refused || tolerance_.login || tolerance_.max_clients;
    if (login &&
        (text.find(" 'hello' #") != std::string_view::npos || text.find(" 'select' #") != std::string_view::npos ||
         text.ends_with(fmt::format(" 'auth' #{}", nodes_.user(client.user).name)))) {
        return true;  // of the link that was made for it
    }
    if (command.want == Want::hello && command.words.size() > 3) {
        return text.ends_with(fmt::format(" 'auth' #{}", command.words[3]));
    }
    if (command.want == Want::subscribe) {
        return text.find(" 'subscribe' #ch:") != std::string_view::npos || text.ends_with(" 'ping' #");
    }
    // A permission is asked for in a form of the portal's own.
    return name == "client" && text.find(" 'client' #") != std::string_view::npos;
}

Judge::Fate Judge::judge_error(Client& client, const Command& command, const Value& value) {
    const std::string_view text = value.text;
    const auto begins = [text](std::string_view words) { return text.starts_with(words); };
    const std::string what = fmt::format("{} got \"{}\"", shown(command.words[0]), shown(text, 160));
    if (const auto mark = find_mark(text); mark && mark->client != client.id) {
        wrong(client, "another client's value", what);
    }
    if (begins("INDOUBT")) {
        if (!tolerance_.lost) {
            wrong(client, "a write is in doubt though no connection was lost", what);
        }
        return Fate::doubtful;
    }
    if (begins("NOLEADER")) {
        if (!tolerance_.lost && !tolerance_.refused && !tolerance_.max_clients) {
            wrong(client, "no leader though there is one", what);
        }
        return Fate::refused;
    }
    if (text.find(" #") != std::string_view::npos) {  // the node model's own, which say of what they speak
        if (!is_own_subject(client, command, text)) {
            wrong(client, "the answer to another command", what);
        }
        const std::size_t at = text.find("User ");
        if (at != std::string_view::npos && !text.substr(at + 5).starts_with(nodes_.user(client.user).name + " ")) {
            wrong(client, "another user's right", what);
        }
        return begins("ERR crlf") ? Fate::doubtful : Fate::refused;
    }
    const bool of_transaction = begins("EXECABORT") || begins("ERR EXEC without") || begins("ERR DISCARD without");
    const bool of_tracking = begins("ERR The client ID") || begins("ERR CLIENT CACHING") || begins("ERR You can't");
    const bool right =
        (of_transaction && (command.want == Want::exec || command.want == Want::discard)) ||
        (begins("WRONGPASS") && tolerance_.login) || (begins("NOAUTH") && (tolerance_.login || client.user == 0)) ||
        (begins("ERR max number of clients") && tolerance_.max_clients) ||
        (begins("ERR unknown command '" + command.words[0] + "'") && command.want == Want::unknown) ||
        (of_tracking &&
         (command.want == Want::tracking_on || command.want == Want::tracking_off || command.want == Want::ok)) ||
        (begins("MISCONF") && tolerance_.refused) || (begins("ERR portal:") && tolerance_.lost);
    if (!right) {
        wrong(client, "an error that is not its own", what);
    }
    return Fate::refused;
}

void Judge::make_cloudy(Client& client, const std::string& key) {
    KeyState& state = client.keys[key];
    if (!state.cloudy) {
        state.cloudy = true;
        ++client.generations[key.substr(0, key.rfind('.'))];
    }
}

/// A write that was refused must never be executed; one that is in doubt may have been, or be so later.
void Judge::settle(Client& client, const Command& command, Fate fate) {
    if (!changes_data(command.want) && command.want != Want::blpop) {
        return;
    }
    if (fate == Fate::refused) {
        const std::string what = fmt::format("{} {}", command.words[0], shown(command.words[1], 60));
        for (const Mark& mark : command.marks) {
            ledger_.deny(mark.serial, what + "\n  " + client.history());
        }
        if (command.want == Want::number) {
            ledger_.deny(command.serial, what + "\n  " + client.history());
        }
        return;
    }
    ++in_doubt_;
    const bool script = command.want == Want::eval;
    const bool keyed = script ? command.words[1] == "set" : command.want != Want::count_of_receivers;
    const std::string& key = script && keyed ? command.words[3] : command.words[1];
    if (keyed && command.want != Want::number && (key[0] == 'k' || key[0] == 'l' || key[0] == 'h')) {
        make_cloudy(client, key);
    }
}

void Judge::lost(Client& client, bool by_portal) {
    if (by_portal && !tolerance_.closed && !tolerance_.login) {
        wrong(client, "a connection ends for no reason", fmt::format("{} answers outstanding", client.expected.size()));
    }
    std::deque<Command> open(client.queued.begin(), client.queued.end());
    client.queued.clear();
    open.insert(open.end(), std::make_move_iterator(client.expected.begin()),
                std::make_move_iterator(client.expected.end()));
    client.expected.clear();
    for (const Command& each : open) {
        if (!each.words.empty()) {
            settle(client, each, Fate::doubtful);
        }
    }
}

}  // namespace portal::adversary
