// HostileNodes: who may do what, logins, transactions, scripts, CLIENT.
#include "hostile_nodes.hpp"
#include "marks.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace portal::adversary {

namespace {

const std::set<std::string, std::less<>> kKnown{
    "acl",    "auth",   "blpop",  "client", "command",    "dbsize",      "decr",         "del",  "discard", "echo",
    "eval",   "exec",   "exists", "get",    "getdel",     "hello",       "hgetall",      "hset", "incrby",  "lpop",
    "lrange", "mget",   "multi",  "ping",   "psubscribe", "publish",     "punsubscribe", "quit", "reset",   "rpush",
    "script", "select", "set",    "strlen", "subscribe",  "unsubscribe", "unwatch",      "wait", "watch"};
const std::set<std::string, std::less<>> kWrites{"blpop", "del", "getdel", "hset", "incrby", "lpop", "rpush", "set"};

std::string word_at(const Words& words, std::size_t index) {
    return index < words.size() ? folded(words[index]) : std::string();
}

/// What a refusal says besides its reason, so that a client can see whether it is its own.
std::string subject(const Words& words, std::string_view name) {
    return fmt::format(" '{}' #{}", name, words.size() > 1 ? shown(words[1], 60) : "");
}

}  // namespace

bool is_fence_word(std::string_view word) {
    return word.size() == 32 && std::ranges::all_of(word, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
           });
}

bool is_write(std::string_view name) {
    return kWrites.contains(name);
}

std::optional<std::string> HostileNodes::refusal(Connection& connection, const Words& words, std::string_view name) {
    const bool fence = is_fence_word(words[0]) || (name == "echo" && words.size() == 2 && is_fence_word(words[1]));
    const bool setup = name == "auth" || name == "hello" || (name == "select" && !connection.in_multi);
    const bool exempt =
        fence || name == "reset" || name == "command" || name == "quit" || connection.just_reset || setup;
    if (!exempt && chance_.hits(switches_.share(Act::refuse))) {
        return random_refusal(chance_, is_write(name));
    }
    if (!exempt && chance_.hits(switches_.share(Act::refuse_end)) &&
        ends_state(name, word_at(words, 1), word_at(words, 2))) {
        return random_refusal(chance_, false);
    }
    if (setup && chance_.hits(switches_.share(Act::refuse_setup))) {
        return chance_.hits(0.5) ? "LOADING Redis is loading the dataset in memory"
                                 : "BUSY Redis is busy running a script. You can only call SCRIPT KILL.";
    }
    const std::set<std::string>& lacks = users_.at(connection.user).lacks;
    if (lacks.contains(std::string(name)) || lacks.contains(fmt::format("{}|{}", name, word_at(words, 1)))) {
        const bool always = name == "auth" || name == "reset" || name == "quit";  // no permission is needed
        if (!always) {
            return fmt::format("NOPERM User {} has no permissions to run the '{}' command",
                               users_.at(connection.user).name, name);
        }
    }
    if (!nodes_[connection.node]->leads && is_write(name)) {
        return "READONLY You can't write against a read only replica.";
    }
    return std::nullopt;
}

/// As Redis refuses: inside a transaction its EXEC will fail, and an EXEC that is refused ends it.
std::string HostileNodes::refused(Connection& connection, const Words& words, std::string_view name,
                                  std::string_view text) {
    if (name == "exec" && connection.in_multi && !chance_.hits(switches_.share(Act::exec_stays))) {
        connection.in_multi = false;
        connection.queued.clear();
        connection.watched.clear();
        connection.watch_broken = false;
        return error(fmt::format("EXECABORT Transaction discarded because of: {}{}", text, subject(words, name)));
    }
    connection.multi_failed = connection.multi_failed || connection.in_multi;
    return error(fmt::format("{}{}", text, subject(words, name)));
}

std::string HostileNodes::answer(Connection& connection, const Words& words) {
    const std::string name = folded(words[0]);
    const bool login = name == "auth" || name == "hello" || name == "reset" || name == "quit";
    std::string out;
    if (!kKnown.contains(name)) {  // Redis looks for the command before it asks who calls
        std::string arguments;
        for (std::size_t i = 1; i < words.size() && arguments.size() < 128; ++i) {
            arguments += fmt::format("'{}' ", shown(words[i], 128 - arguments.size()));
        }
        out = error(fmt::format("ERR unknown command '{}', with args beginning with: {}", words[0], arguments));
        connection.multi_failed = connection.multi_failed || connection.in_multi;
        if (!is_fence_word(words[0]) && chance_.hits(switches_.share(Act::surplus))) {
            out += out;
        } else if (!is_fence_word(words[0]) && chance_.hits(switches_.share(Act::missing))) {
            out.clear();
        }
        return out;
    }
    const bool closed = !users_.default_open() && !connection.authenticated;
    if (closed && !login) {
        return refused(connection, words, name, "NOAUTH Authentication required.");
    }
    if (const auto text = refusal(connection, words, name)) {
        return refused(connection, words, name, *text);
    }
    connection.just_reset = name == "reset";
    if (connection.in_multi && name != "exec" && name != "discard" && name != "multi" && name != "watch" &&
        name != "quit" && name != "reset") {
        connection.queued.push_back(words);
        return simple("QUEUED");
    }
    if (name != "auth" && name != "hello" && name != "select") {
        connection.last = name;
    }
    return execute(connection, words, name);
}

std::string HostileNodes::execute(Connection& connection, const Words& words, std::string_view name) {
    if (name == "auth" || name == "hello" || name == "reset" || name == "select" || name == "quit") {
        return execute_login(connection, words, name);
    }
    if (name == "multi" || name == "exec" || name == "discard" || name == "watch" || name == "unwatch") {
        return execute_transaction(connection, words, name);
    }
    if (name == "client") {
        return execute_client(connection, words);
    }
    if (name == "eval" || name == "script") {
        return execute_script(connection, words);
    }
    if (name.ends_with("subscribe") || name == "publish") {
        return execute_pubsub(connection, words, name);
    }
    if (name == "acl") {
        return word_at(words, 1) == "whoami" ? bulk(users_.at(connection.user).name) : error("ERR no such subcommand");
    }
    if (name == "command") {
        return chance_.hits(0.3) ? error("NOPERM this user has no permissions to run the 'command' command")
                                 : std::string("*0\r\n");
    }
    if (name == "echo") {
        return words.size() == 2 ? bulk(words[1]) : error("ERR wrong number of arguments for 'echo' command");
    }
    if (name == "ping") {
        if (connection.protocol == 2 && connection.channels.size() + connection.patterns.size() > 0) {
            return header('*', 2) + bulk("pong") + bulk(words.size() > 1 ? words[1] : "");
        }
        return words.size() > 1 ? bulk(words[1]) : simple("PONG");
    }
    if (name == "wait") {
        return integer(0);
    }
    return execute_data(connection, words, name);
}

void HostileNodes::reset(Connection& connection) {
    Connection fresh;
    connection.user = 0;
    connection.authenticated = users_.default_open();
    connection.protocol = 2;
    connection.database = 0;
    connection.in_multi = connection.multi_failed = connection.watch_broken = connection.debugging = false;
    connection.queued.clear();
    connection.watched.clear();
    connection.tracking = {};
    connection.channels.clear();
    connection.patterns.clear();
}

std::string HostileNodes::hello(Connection& connection, const Words& words) {
    int protocol = connection.protocol;
    for (std::size_t i = 1; i < words.size(); ++i) {
        if (i == 1) {
            if (words[1] != "2" && words[1] != "3") {
                return error("NOPROTO unsupported protocol version");
            }
            protocol = words[1] == "3" ? 3 : 2;
        } else if (folded(words[i]) == "auth" && i + 2 < words.size()) {
            const auto user = users_.log_in(words[i + 1], words[i + 2]);
            if (!user) {
                return error("WRONGPASS invalid username-password pair or user is disabled.");
            }
            connection.user = *user;
            connection.authenticated = true;
            i += 2;
        } else if (folded(words[i]) == "setname") {
            ++i;
        }
    }
    if (!users_.default_open() && !connection.authenticated) {
        return error("NOAUTH HELLO must be called with the client already authenticated");
    }
    connection.protocol = protocol;
    return header(protocol == 3 ? '%' : '*', protocol == 3 ? 7 : 14) + bulk("server") + bulk("redis") +
           bulk("version") + bulk("7.0.15") + bulk("proto") + integer(protocol) + bulk("id") +
           integer(static_cast<std::int64_t>(connection.id)) + bulk("mode") + bulk("standalone") + bulk("role") +
           bulk(nodes_[connection.node]->leads ? "master" : "replica") + bulk("modules") + header('*', 0);
}

std::string HostileNodes::execute_login(Connection& connection, const Words& words, std::string_view name) {
    if (name == "hello") {
        return hello(connection, words);
    }
    if (name == "reset") {
        reset(connection);
        connection.just_reset = true;
        return simple("RESET");
    }
    if (name == "quit") {
        connection.closing = true;
        return simple("OK");
    }
    if (name == "select") {
        std::uint32_t index = kDatabases;
        if (words.size() == 2) {
            std::from_chars(words[1].data(), words[1].data() + words[1].size(), index);
        }
        if (index >= kDatabases) {
            return error("ERR DB index is out of range");
        }
        connection.database = index;
        return simple("OK");
    }
    const auto user = words.size() > 2 ? users_.log_in(words[1], words[2])
                                       : users_.log_in("default", words.size() > 1 ? words[1] : "");
    if (!user) {
        return error("WRONGPASS invalid username-password pair or user is disabled.");
    }
    connection.user = *user;
    connection.authenticated = true;
    return simple("OK");
}

std::string HostileNodes::execute_transaction(Connection& connection, const Words& words, std::string_view name) {
    const auto end = [&] {
        connection.in_multi = connection.multi_failed = connection.watch_broken = false;
        connection.watched.clear();
        return std::exchange(connection.queued, {});
    };
    if (name == "multi") {
        if (connection.in_multi) {
            return error("ERR MULTI calls can not be nested");
        }
        connection.in_multi = true;
        connection.multi_failed = false;
        return simple("OK");
    }
    if (name == "watch") {
        if (connection.in_multi) {
            return error("ERR WATCH inside MULTI is not allowed");
        }
        check_place(connection, words, false);
        for (std::size_t i = 1; i < words.size(); ++i) {
            connection.watched.emplace(connection.database, words[i]);
        }
        return simple("OK");
    }
    if (name == "unwatch") {
        connection.watched.clear();
        connection.watch_broken = false;
        return simple("OK");
    }
    if (!connection.in_multi) {
        return error(name == "exec" ? "ERR EXEC without MULTI" : "ERR DISCARD without MULTI");
    }
    if (name == "discard") {
        end();
        return simple("OK");
    }
    const bool failed = connection.multi_failed;
    const bool broken = connection.watch_broken;
    const std::vector<Words> queued = end();
    if (failed) {
        return error("EXECABORT Transaction discarded because of previous errors.");
    }
    if (broken) {
        return null_array(connection.protocol);
    }
    std::string out = header('*', queued.size());
    // What the transaction causes for its own client Redis 7.0 sends between two elements, later versions behind all.
    std::string behind;
    connection.between = chance_.hits(0.5) ? &out : &behind;
    for (const Words& each : queued) {
        if (connection.protocol == 3 && chance_.hits(switches_.share(Act::push))) {
            out += kNoise;
        }
        const std::string answer = execute(connection, each, folded(each[0]));
        out += answer;
    }
    connection.between = nullptr;
    if (connection.protocol == 3) {  // else HELLO has ended that it hears any
        out += behind;
    }
    return out;
}

/// EVAL "return" 0 word | "set" 1 key value. SCRIPT DEBUG YES|SYNC|NO.
std::string HostileNodes::execute_script(Connection& connection, const Words& words) {
    if (folded(words[0]) == "script") {
        if (word_at(words, 1) != "debug" || words.size() != 3) {
            return error("ERR unknown subcommand of script");
        }
        connection.debugging = word_at(words, 2) != "no";
        return simple("OK");
    }
    if (words.size() < 4) {
        return error("ERR wrong number of arguments for 'eval' command");
    }
    if (connection.debugging) {
        return header('*', 2) + simple("* Stopped at 1, stop reason = step over") + simple("-> 1   return in debugger");
    }
    std::string out;
    if (words[1] == "set" && words.size() > 4) {
        out = execute_data(connection, {"set", words[3], words[4]}, "set");
    } else {
        out = bulk(words.back());
    }
    if (chance_.hits(switches_.share(Act::surplus))) {
        // As servers do whose scripts may put CR LF into an error; what follows it reads as a reply of its own.
        const bool as_error = chance_.hits(0.5);
        return (as_error ? error("ERR crlf" + subject(words, "eval")) : out) +
               (chance_.hits(0.5) ? bulk(words.back()) : simple("OK"));
    }
    return chance_.hits(switches_.share(Act::missing)) ? std::string() : out;
}

std::string HostileNodes::execute_client(Connection& connection, const Words& words) {
    const std::string what = word_at(words, 1);
    if (what == "tracking") {
        return set_tracking(connection, words);
    }
    if (what == "caching") {
        if (!connection.tracking.on || !(connection.tracking.opt_in || connection.tracking.opt_out)) {
            return error(
                "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
                "OPTOUT mode enabled");
        }
        connection.tracking.caching = true;
        return simple("OK");
    }
    if (what == "id") {
        return integer(static_cast<std::int64_t>(connection.id));
    }
    if (what == "getredir") {
        return integer(!connection.tracking.on ? -1 : static_cast<std::int64_t>(connection.tracking.redirect));
    }
    if (what == "list" || what == "info") {
        return bulk("");
    }
    if (what == "getname") {
        return null_of(connection.protocol);
    }
    if (what == "kill" || what == "unblock") {
        return integer(0);
    }
    if (what == "pause") {
        return error("ERR timeout is not an integer or out of range");
    }
    return simple("OK");
}

}  // namespace portal::adversary
