// HostileNodes: keys, lists, messages, and who is told that a key has changed.
#include "hostile_nodes.hpp"
#include "marks.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include <fmt/format.h>

namespace portal::adversary {

namespace {

constexpr const char* kWrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";

std::int64_t number_of(const std::string& text) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

}  // namespace

/// A key says for which database it is meant; what is written says by whom.
void HostileNodes::check_place(const Connection& connection, const Words& words, bool writes) {
    for (std::size_t i = 1; i < words.size(); ++i) {
        const auto owner = owner_of(words[i]);
        const bool bound = owner && owner->database != kAnyDatabase;
        if (bound && owner->database != connection.database && words[0] != "PUBLISH") {
            ledger_.wrong(
                "a command reaches another database",
                fmt::format("{} of client {} in database {}", shown(words[i]), owner->client, connection.database));
        }
        const auto mark = writes ? leading_mark(words[i]) : std::nullopt;
        if (mark && mark->user != connection.user) {
            ledger_.wrong("a command is executed with another user's rights",
                          fmt::format("link {} is {}, and executes {} {} of client {}, who is {}", connection.id,
                                      users_.at(connection.user).name, words[0], shown(words[i], 40), mark->client,
                                      users_.at(mark->user).name));
        }
        if (mark && mark->database != connection.database && words[0] != "PUBLISH") {  // messages know no database
            ledger_.wrong("a command reaches another database", shown(words[i]));
        }
    }
}

void HostileNodes::count_marks(Connection& connection, const Words& words) {
    for (std::size_t i = 1; i < words.size(); ++i) {
        if (const auto mark = leading_mark(words[i])) {
            ledger_.execute(mark->serial,
                            fmt::format("{} {} of client {} on link {}", words[0], shown(words[1], 60), mark->client,
                                        connection.id),
                            connection.user, connection.database);
        }
    }
}

std::string HostileNodes::execute_data(Connection& connection, const Words& words, std::string_view name) {
    const bool writes = is_write(name);
    check_place(connection, words, writes);
    Database& data = data_[connection.database];
    if (words.size() < 2) {
        return name == "dbsize" ? integer(0) : error("ERR wrong number of arguments");
    }
    const std::string& key = words[1];
    if (name == "get" && key[0] == 'x') {  // a deadly read: the node ends the connection of whoever asks
        ++deadly_reads_[key];
        connection.close_after = connection.output.size() + chance_.below(12);
        return "$30000000\r\n" + std::string(64, '>');
    }
    if (writes) {
        count_marks(connection, words);
    }
    const auto found = data.find(key);
    const bool there = found != data.end();
    if (name == "set" && words.size() == 3) {
        data[key] = {.string = words[2]};
        touched(connection, connection.database, key);
        return simple("OK");
    }
    if (name == "incrby") {  // each on a key of its own, which ends with the serial of the write
        ledger_.execute(static_cast<std::uint64_t>(number_of(key.substr(key.rfind(':') + 1))), "INCRBY " + key,
                        connection.user, connection.database);
        Entry& entry = data[key];
        entry.string = std::to_string(number_of(entry.string) + number_of(words[2]));
        touched(connection, connection.database, key);
        return integer(number_of(entry.string));
    }
    if (name == "hset" && words.size() == 4) {
        Entry& entry = data[key];
        entry.type = Entry::Type::hash;
        const bool added = entry.hash.insert_or_assign(words[2], words[3]).second;
        touched(connection, connection.database, key);
        return integer(added ? 1 : 0);
    }
    if (name == "del") {
        const bool gone = there && data.erase(key) > 0;
        touched(connection, connection.database, key);
        return integer(gone ? 1 : 0);
    }
    if (name == "blpop") {
        return block(connection, words);
    }
    if (name == "mget") {
        std::string out = header('*', words.size() - 1);
        for (std::size_t i = 1; i < words.size(); ++i) {
            const auto each = data.find(words[i]);
            out += each == data.end() ? null_of(connection.protocol) : bulk(each->second.string);
            read_by(connection, words[i]);
        }
        return out;
    }
    if (name == "rpush" || name == "lpop" || name == "lrange") {
        return execute_list(connection, words, name);
    }
    read_by(connection, key);
    if (name == "exists") {
        return integer(there ? 1 : 0);
    }
    if (name == "strlen") {
        return integer(there ? static_cast<std::int64_t>(found->second.string.size()) : 0);
    }
    if (name == "hgetall") {
        const std::size_t count = there ? found->second.hash.size() : 0;
        std::string out = connection.protocol == 3 ? header('%', count) : header('*', 2 * count);
        if (there) {
            for (const auto& [field, value] : found->second.hash) {
                out += bulk(field) + bulk(value);
            }
        }
        return out;
    }
    if (!there) {
        return null_of(connection.protocol);
    }
    if (found->second.type != Entry::Type::string) {
        return error(kWrongType);
    }
    std::string out = bulk(found->second.string);
    if (name == "getdel") {
        data.erase(found);
        touched(connection, connection.database, key);
    }
    return out;
}

std::string HostileNodes::execute_list(Connection& connection, const Words& words, std::string_view name) {
    const std::string& key = words[1];
    Database& data = data_[connection.database];
    const auto found = data.find(key);
    if (name == "rpush") {
        Entry& entry = data[key];
        entry.type = Entry::Type::list;
        entry.list.insert(entry.list.end(), words.begin() + 2, words.end());
        const auto size = static_cast<std::int64_t>(entry.list.size());
        touched(connection, connection.database, key);
        wake_blocked(connection.database, key);
        return integer(size);
    }
    if (name == "lpop") {
        if (found == data.end() || found->second.list.empty()) {
            return null_of(connection.protocol);
        }
        std::string out = bulk(found->second.list.front());
        found->second.list.pop_front();
        touched(connection, connection.database, key);
        return out;
    }
    read_by(connection, key);
    const std::size_t count = found == data.end() ? 0 : found->second.list.size();
    std::string out = header('*', count);
    for (std::size_t i = 0; i < count; ++i) {
        out += bulk(found->second.list[i]);
    }
    return out;
}

/// BLPOP key [key ...] seconds.
std::string HostileNodes::block(Connection& connection, const Words& words) {
    Blocked blocked{{words.begin() + 1, words.end() - 1}, std::nullopt};
    for (const std::string& key : blocked.keys) {
        const auto found = data_[connection.database].find(key);
        if (found != data_[connection.database].end() && !found->second.list.empty()) {
            std::string out = header('*', 2) + bulk(key) + bulk(found->second.list.front());
            found->second.list.pop_front();
            touched(connection, connection.database, key);
            return out;
        }
    }
    if (!connection.queued.empty() || connection.in_multi) {
        return null_array(connection.protocol);
    }
    const double seconds = std::strtod(words.back().c_str(), nullptr);
    if (seconds > 0) {
        blocked.until = Clock::now() + std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6));
    }
    connection.blocked = std::move(blocked);
    return {};
}

void HostileNodes::wake_blocked(std::uint32_t database, const std::string& key) {
    for (const auto& each : connections_) {
        Entry& entry = data_[database][key];
        if (entry.list.empty()) {
            return;
        }
        if (each->dead || !each->blocked || each->database != database || !nodes_[each->node]->leads ||
            std::ranges::find(each->blocked->keys, key) == each->blocked->keys.end()) {
            continue;
        }
        each->blocked.reset();
        send(*each, header('*', 2) + bulk(key) + bulk(entry.list.front()));
        entry.list.pop_front();
    }
}

/// A key of that database has changed.
void HostileNodes::touched(Connection& by, std::uint32_t database, const std::string& key) {
    const std::string frame = header('>', 2) + bulk("invalidate") + header('*', 1) + bulk(key);
    for (const auto& each : connections_) {
        if (each->dead) {
            continue;
        }
        each->watch_broken = each->watch_broken || each->watched.contains({database, key});
        TrackingState& tracking = each->tracking;
        const bool meant = tracking.broadcasts ? std::ranges::any_of(tracking.prefixes,
                                                                     [&](const auto& p) { return key.starts_with(p); })
                                               : tracking.keys.erase(key) > 0;
        if (!tracking.on || !meant || (tracking.no_loop && each.get() == &by)) {
            continue;
        }
        Connection* to = tracking.redirect == 0 ? each.get() : find(tracking.redirect);
        if (to != nullptr) {
            push(*to, frame);
        } else {
            push(*each, header('>', 2) + bulk("tracking-redir-broken") +
                            integer(static_cast<std::int64_t>(tracking.redirect)));
        }
    }
}

/// In RESP2 there are no pushes, but messages for those that listen.
void HostileNodes::push(Connection& to, std::string_view frame) {
    if (to.protocol == 3 && to.between != nullptr) {
        *to.between += frame;
    } else if (to.protocol == 3) {
        send(to, std::string(frame));
    }
}

void HostileNodes::read_by(Connection& connection, const std::string& key) {
    TrackingState& tracking = connection.tracking;
    const bool wanted = tracking.opt_in ? tracking.caching : !tracking.opt_out || !tracking.caching;
    if (tracking.on && !tracking.broadcasts && wanted) {
        tracking.keys.insert(key);
    }
    tracking.caching = false;
}

/// CLIENT TRACKING ON|OFF [REDIRECT id] [PREFIX p ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP].
std::string HostileNodes::set_tracking(Connection& connection, const Words& words) {
    TrackingState wanted;
    for (std::size_t i = 3; i < words.size(); ++i) {
        const std::string option = folded(words[i]);
        const bool has_value = i + 1 < words.size();
        if (option == "redirect" && has_value) {
            wanted.redirect = static_cast<std::uint64_t>(number_of(words[++i]));
            if (find(wanted.redirect) == nullptr) {
                return error("ERR The client ID you want redirect to does not exist");
            }
        } else if (option == "prefix" && has_value) {
            wanted.prefixes.push_back(words[++i]);
        } else if (option == "bcast") {
            wanted.broadcasts = true;
        } else if (option == "optin") {
            wanted.opt_in = true;
        } else if (option == "optout") {
            wanted.opt_out = true;
        } else if (option == "noloop") {
            wanted.no_loop = true;
        } else {
            return error("ERR syntax error");
        }
    }
    const std::string turn = words.size() > 2 ? folded(words[2]) : "";
    if (turn == "off") {
        connection.tracking = {};
        return simple("OK");
    }
    if (turn != "on") {
        return error("ERR syntax error");
    }
    if (connection.tracking.on && connection.tracking.broadcasts != wanted.broadcasts) {
        return error("ERR You can't switch BCAST mode on/off before disabling tracking for this client");
    }
    wanted.on = true;
    wanted.keys = std::move(connection.tracking.keys);
    wanted.prefixes.insert(wanted.prefixes.end(), connection.tracking.prefixes.begin(),
                           connection.tracking.prefixes.end());
    connection.tracking = std::move(wanted);
    return simple("OK");
}

std::string HostileNodes::execute_pubsub(Connection& connection, const Words& words, std::string_view name) {
    if (name == "publish") {
        check_place(connection, words, true);
        count_marks(connection, words);
        std::int64_t receivers = 0;
        publish(words.at(1), words.at(2), receivers);
        return integer(receivers);
    }
    const bool pattern = name.starts_with('p');
    const bool leaves = name.find("unsub") != std::string_view::npos;
    std::set<std::string>& all = pattern ? connection.patterns : connection.channels;
    std::vector<std::string> names(words.begin() + 1, words.end());
    if (leaves && names.empty()) {
        names.assign(all.begin(), all.end());
    }
    std::string out;
    const char type = connection.protocol == 3 ? '>' : '*';
    if (names.empty()) {
        return header(type, 3) + bulk(name) + null_of(connection.protocol) + integer(0);
    }
    for (const std::string& each : names) {
        leaves ? void(all.erase(each)) : void(all.insert(each));
        out += header(type, 3) + bulk(name) + bulk(each) +
               integer(static_cast<std::int64_t>(connection.channels.size() + connection.patterns.size()));
    }
    return out;
}

void HostileNodes::publish(const std::string& channel, const std::string& message, std::int64_t& receivers) {
    for (const auto& each : connections_) {
        const char type = each->protocol == 3 ? '>' : '*';
        if (each->dead) {
            continue;
        }
        if (each->channels.contains(channel)) {
            ++receivers;
            const std::string frame = header(type, 3) + bulk("message") + bulk(channel) + bulk(message);
            each->protocol == 3 ? push(*each, frame) : send(*each, frame);
        }
        for (const std::string& pattern : each->patterns) {
            if (channel.starts_with(pattern.substr(0, pattern.size() - 1))) {  // "prefix*"
                ++receivers;
                send(*each, header(type, 4) + bulk("pmessage") + bulk(pattern) + bulk(channel) + bulk(message));
            }
        }
    }
}

}  // namespace portal::adversary
