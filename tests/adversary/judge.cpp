// Judge: what any answer is held against first: types, pushes, errors. judge_state.cpp has what answers change,
// judge_values.cpp the values.
#include "judge.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace portal::adversary {

namespace {

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

bool Judge::is_confirmation(const Value& value) {
    return value.items.size() == 3 && (value.items[0].text == "subscribe" || value.items[0].text == "unsubscribe");
}

/// Where scripts may be answered once too often or too seldom, their sender's own answers may be shifted; but what it
/// gets must still be its own.
void Judge::wrong(Client& client, const std::string& kind, const std::string& what) {
    static const std::set<std::string> kOfOthers{"another client's value",
                                                 "another client's name",
                                                 "a push that was not meant for it",
                                                 "a message of a channel that it does not listen to",
                                                 "an invalidation that was not meant for it",
                                                 "a type of the other protocol",
                                                 "what comes is no reply",
                                                 "a client waits beyond all bounds"};
    if (tolerance_.desync && client.tainted && !kOfOthers.contains(kind)) {
        client.unsure = true;
        return;
    }
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
    // HELLO's answer is in the new protocol, and so is what stands behind it in the answer to EXEC.
    const auto is_hello = [](const Command& each) { return each.want == Want::hello; };
    const bool changes = !client.expected.empty() &&
                         (is_hello(client.expected.front()) ||
                          (client.expected.front().want == Want::exec && std::ranges::any_of(client.queued, is_hello)));
    if (!changes) {
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
    check_unheard(client, command);
    if (!takes_queued(client, command, value)) {
        answer(client, command, value);
    }
    for (const Value& each : value.beside) {
        if (!take_push(client, each)) {
            wrong(client, "a message within an answer that is none", describe(each));
        }
    }
}

/// Where nothing is lost or refused, what was asked with CLIENT REPLY OFF is executed before what follows it.
void Judge::check_unheard(Client& client, const Command& command) {
    if (tolerance_.lost || tolerance_.closed || tolerance_.refused || tolerance_.login || tolerance_.max_clients) {
        return;
    }
    for (const std::uint64_t serial : command.unheard) {
        if (ledger_.executed(serial).times != 1) {
            wrong(client, "a write whose answer nobody wanted is lost", std::to_string(serial));
        }
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
    if (what == "message" && value.items.size() == 3 && value.items[1].text == "__redis__:invalidate") {
        take_invalidation(client, value.items[2]);  // as RESP2 hears of it
    } else if (what == "message" && value.items.size() == 3) {
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
    client.refused_inside = client.refused_inside || (client.multi == Known::yes && !ends && value.error());
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
        const bool tracks = command.want == Want::tracking_on || command.want == Want::tracking_off;
        const bool of_relay = tracks && (tolerance_.max_clients || tolerance_.refused);  // its further link failed
        if (!tolerance_.lost && !of_relay) {
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
        (begins("ERR Protocol error: unauthenticated") && tolerance_.login) ||
        (begins("ERR Can't execute") && client.protocol == 2 && !client.channels.empty()) ||
        (begins("ERR MULTI calls can not be nested") && command.want == Want::multi && client.multi == Known::yes) ||
        (begins("ERR unknown command '" + command.words[0] + "'") && command.want == Want::unknown) ||
        (of_tracking &&
         (command.want == Want::tracking_on || command.want == Want::tracking_off || command.want == Want::ok)) ||
        (begins("UNBLOCKED") && command.want == Want::blpop && tolerance_.lost) ||
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
    const bool believed = !(tolerance_.desync && client.tainted);  // else it may be another command's refusal
    if (fate == Fate::refused && believed) {
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
    if (tolerance_.desync && client.tainted) {  // what it believes of its keys may be wrong: it begins with others
        for (auto& [base, generation] : client.generations) {
            ++generation;
        }
        client.keys.clear();
    }
}

}  // namespace portal::adversary
