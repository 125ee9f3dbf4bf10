#include "scenes.hpp"

#include <numeric>

#include <fmt/format.h>

namespace portal::adversary {

namespace {

constexpr std::size_t kLongestList = 10;

constexpr std::array<std::string_view, static_cast<std::size_t>(Scene::count)> kNames{
    "plain",   "transaction", "watch",        "login", "database", "protocol", "list",  "script", "debugger",
    "unknown", "tracking",    "subscription", "name",  "reset",    "leave",    "front", "deadly"};

}  // namespace

std::string_view name_of(Scene scene) {
    return kNames[static_cast<std::size_t>(scene)];
}

void Scenes::simple(Client& client, Words words, Want want) {
    client.send({.words = std::move(words), .want = want});
}

Mark Scenes::mark(const Client& client) {
    Mark mark{.client = client.id, .user = client.user, .database = client.database, .serial = ledger_.next_serial()};
    if (chance_.hits(script_.large)) {
        mark.size = chance_.hits(0.2) ? chance_.between(600000, 1100000) : chance_.between(200000, 420000);
    } else {
        mark.size = chance_.hits(0.7) ? chance_.between(24, 200) : chance_.between(200, 8000);
    }
    mark.size = std::max(mark.size, text_of(mark).size() + 3);
    return mark;
}

/// Each client knows a few of the users, so that many clients share each.
std::uint32_t Scenes::some_user(const Client& client) {
    const std::size_t which = chance_.below(script_.users);
    return static_cast<std::uint32_t>(1 + (client.id / 2 + which) % users_);
}

void Scenes::begin_connection(Client& client) {
    if (chance_.hits(script_.anonymous)) {
        if (script_.protocols && chance_.hits(0.5)) {
            hello(client, 3, false);
        }
    } else if (chance_.hits(0.5)) {
        hello(client, script_.protocols && chance_.hits(0.5) ? 3 : 2, true);
    } else {
        auth(client);
    }
    if (chance_.hits(0.5)) {
        client.steps.emplace_back([this](Client& c) { select(c); });
    }
}

void Scenes::auth(Client& client) {
    const std::uint32_t user = some_user(client);
    const User known = nodes_.user(user);
    client.send({.words = {"AUTH", known.name, known.password}, .want = Want::auth, .number = user});
}

void Scenes::hello(Client& client, int protocol, bool logs_in) {
    Command command{.words = {"HELLO", std::to_string(protocol)}, .want = Want::hello, .number = protocol};
    if (logs_in) {
        const std::uint32_t user = some_user(client);
        const User known = nodes_.user(user);
        command.words.insert(command.words.end(), {"AUTH", known.name, known.password});
        command.user = user;
    }
    client.send(std::move(command));
}

void Scenes::select(Client& client) {
    const auto database = static_cast<std::uint32_t>(chance_.below(script_.databases));
    client.send({.words = {"SELECT", std::to_string(database)}, .want = Want::select, .number = database});
}

/// A write on a key of its own: nothing else need be known of what its answer is.
Command Scenes::increment(const Client& client, std::uint32_t database) {
    const std::uint64_t serial = ledger_.next_serial();
    const auto number = static_cast<std::int64_t>(serial * 1000 + client.id);
    return {.words = {"INCRBY", key_name('n', client.id, database, std::to_string(serial)), std::to_string(number)},
            .want = Want::number,
            .serial = serial,
            .number = number};
}

void Scenes::write(Client& client) {
    const Mark marked = mark(client);
    switch (chance_.below(6)) {
        case 0:
            client.send(increment(client, client.database));
            return;
        case 1:
            client.send(
                {.words = {"HSET", client.key('h', 0), fmt::format("f{}", chance_.below(kFields)), value_of(marked)},
                 .want = Want::hset,
                 .marks = {marked}});
            return;
        case 2: {
            const std::string key = client.key('l', chance_.below(kLists));
            if (client.keys[key].list.size() > kLongestList) {
                simple(client, {"DEL", key}, Want::del);
            } else {
                client.send({.words = {"RPUSH", key, value_of(marked)}, .want = Want::rpush, .marks = {marked}});
            }
            return;
        }
        default:
            client.send({.words = {"SET", client.key('k', chance_.below(kStrings)), value_of(marked)},
                         .want = Want::set,
                         .marks = {marked}});
    }
}

void Scenes::data_command(Client& client) {
    if (script_.weights[static_cast<std::size_t>(Scene::script)] > 0 && may_script(client) && chance_.hits(0.05)) {
        simple(client, {"EVAL", "return", "0", value_of(mark(client))}, Want::eval);
        return;
    }
    switch (chance_.below(12)) {
        case 0:
        case 1:
        case 2:
            write(client);
            return;
        case 3:
            simple(client, {"ECHO", value_of(mark(client))}, Want::word);
            return;
        case 4:
            simple(client, {"ACL", "WHOAMI"}, Want::whoami);
            return;
        case 5: {
            Words words{"MGET"};
            for (std::size_t i = 0; i < kStrings; ++i) {
                words.push_back(client.key('k', i));
            }
            simple(client, std::move(words), Want::mget);
            return;
        }
        case 6:
            simple(client, {"HGETALL", client.key('h', 0)}, Want::hgetall);
            return;
        case 7:
            simple(client, {"LRANGE", client.key('l', chance_.below(kLists)), "0", "-1"}, Want::lrange);
            return;
        case 8:
            simple(client, {"STRLEN", client.key('k', chance_.below(kStrings))}, Want::strlen);
            return;
        case 9:
            simple(client, {"LPOP", client.key('l', chance_.below(kLists))}, Want::lpop);
            return;
        default:
            simple(client, {"GET", client.key('k', chance_.below(kStrings))}, Want::get);
    }
}

void Scenes::plain(Client& client, std::size_t commands) {
    for (std::size_t i = 0; i < commands; ++i) {
        data_command(client);
    }
}

void Scenes::transaction(Client& client) {
    const bool whole = chance_.hits(0.6);
    const bool keeps = chance_.hits(0.7);
    const std::size_t commands = chance_.between(1, 4);
    if (chance_.hits(0.3)) {
        const std::string key = client.key('k', 0);
        simple(client, {"WATCH", key}, Want::watch);
        simple(client, {"GET", key}, Want::get);
        if (chance_.hits(0.3)) {
            write(client);
        }
    }
    const auto middle = [this](Client& c) { data_command(c); };
    const auto last = [this, keeps](Client& c) {
        keeps ? simple(c, {"EXEC"}, Want::exec) : simple(c, {"DISCARD"}, Want::discard);
        if (chance_.hits(0.5)) {
            plain(c, 2);
        }
    };
    const auto first = [this](Client& c) { simple(c, {"MULTI"}, Want::multi); };
    if (whole) {
        client.steps.emplace_back([=](Client& c) {
            first(c);
            for (std::size_t i = 0; i < commands; ++i) {
                middle(c);
            }
            last(c);
        });
        return;
    }
    client.steps.emplace_back(first);
    for (std::size_t i = 0; i < commands; ++i) {
        client.steps.emplace_back(middle);
    }
    client.steps.emplace_back(last);
}

void Scenes::watch(Client& client) {
    in_some_state(client, [this](Client& c) { plain(c, 2); });
}

void Scenes::list(Client& client) {
    const Mark marked = mark(client);
    const std::string mine = key_name('q', client.id, client.database, "box");
    const std::string theirs = key_name('q', chance_.hits(0.3) ? client.id : client.buddy, client.database, "box");
    if (chance_.hits(0.6)) {
        client.send({.words = {"RPUSH", theirs, value_of(marked)}, .want = Want::rpush, .marks = {marked}});
    } else {
        plain(client, 1);
    }
    simple(client, {"BLPOP", mine, chance_.hits(0.5) ? "0.05" : "0.15"}, Want::blpop);
    if (chance_.hits(0.3)) {
        plain(client, 2);
    }
    client.steps.emplace_back([this](Client& c) {
        if (chance_.hits(0.05)) {
            c.leaving = true;
        }
        plain(c, 2);
    });
}

void Scenes::script(Client& client) {
    const Mark marked = mark(client);
    const std::string key = client.key('k', 0);
    plain(client, chance_.below(3));
    const bool inside = chance_.hits(0.2);
    if (inside) {
        simple(client, {"MULTI"}, Want::multi);
    }
    if (chance_.hits(0.3)) {
        client.send({.words = {"EVAL", "set", "1", key, value_of(marked)}, .want = Want::eval, .marks = {marked}});
    } else {
        simple(client, {"EVAL", "return", "0", value_of(marked)}, Want::eval);
    }
    if (inside) {
        simple(client, {"EXEC"}, Want::exec);
    }
    plain(client, chance_.below(4));
}

/// Leaves in the middle of something: with answers outstanding, in a transaction, or in the middle of a request.
void Scenes::leave(Client& client) {
    if (chance_.hits(0.5)) {
        simple(client, {"MULTI"}, Want::multi);
    }
    plain(client, chance_.between(1, 4));
    if (chance_.hits(0.3)) {
        client.output.resize(client.output.size() - chance_.below(20));
    }
    client.leaving = true;
}

void Scenes::begin(Client& client) {
    const int all = std::accumulate(script_.weights.begin(), script_.weights.end(), 0);
    auto left = static_cast<int>(chance_.below(static_cast<std::size_t>(all)));
    std::size_t which = 0;
    while (left >= script_.weights[which]) {
        left -= script_.weights[which++];
    }
    const bool scripts = which == static_cast<std::size_t>(Scene::script) ||
                         which == static_cast<std::size_t>(Scene::unknown) ||
                         which == static_cast<std::size_t>(Scene::debugger);
    switch (scripts && !may_script(client) ? Scene::plain : static_cast<Scene>(which)) {
        case Scene::plain:
            plain(client, chance_.between(1, 12));
            break;
        case Scene::transaction:
            transaction(client);
            break;
        case Scene::watch:
            watch(client);
            break;
        case Scene::login:
            login(client);
            break;
        case Scene::database:
            in_some_state(client, [this](Client& c) { select(c); });
            break;
        case Scene::protocol:
            in_some_state(client,
                          [this](Client& c) { hello(c, script_.protocols && chance_.hits(0.5) ? 3 : 2, false); });
            break;
        case Scene::list:
            list(client);
            break;
        case Scene::script:
            script(client);
            break;
        case Scene::debugger:
            simple(client, {"SCRIPT", "DEBUG", "YES"}, Want::debug);
            client.steps.emplace_back([this](Client& c) {
                c.leaving = chance_.hits(0.5);
                c.unsure = true;  // it goes away while its connection is in the debugger
                plain(c, 1);
            });
            break;
        case Scene::unknown:
            simple(client, {fmt::format("ADV.C{}", client.id), text_of(mark(client))}, Want::unknown);
            plain(client, chance_.below(3));
            break;
        case Scene::tracking:
            tracking(client);
            break;
        case Scene::subscription:
            subscription(client);
            break;
        case Scene::name: {
            const std::string name = fmt::format("name-{}-{}", client.id, chance_.below(1000));
            simple(client, {"CLIENT", "SETNAME", name}, Want::setname);
            simple(client, {"CLIENT", "GETNAME"}, Want::getname);
            break;
        }
        case Scene::reset:
            in_some_state(client, [this](Client& c) { simple(c, {"RESET"}, Want::reset); });
            break;
        case Scene::leave:
            leave(client);
            break;
        case Scene::front:
            front(client);
            break;
        case Scene::deadly:
            simple(client, {"GET", key_name('x', client.id, client.database, std::to_string(ledger_.next_serial()))},
                   Want::deadly);
            break;
        case Scene::count:
            break;
    }
}

}  // namespace portal::adversary
