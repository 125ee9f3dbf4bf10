#include "tests/fuzz/honest_node.hpp"

#include "resp/reply_writer.hpp"
#include "tests/fuzz/harness.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace portal::fuzz {
namespace {

std::string bulk(std::string_view bytes) {
    std::string out;
    resp::write_bulk(out, bytes);
    return out;
}

std::string lower(std::string_view word) {
    std::string out(word);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

std::string array(const NodeState& state, char push, std::size_t count) {
    return (state.protocol == 3 ? push : '*') + std::to_string(count) + "\r\n";
}

/// Longest word of a fence: 32 hexadecimal digits.
bool is_nonce(std::string_view word) {
    return word.size() == 32 &&
           std::ranges::all_of(word, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool one_of(std::string_view name, std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, name) != names.end();
}

}  // namespace

bool HonestNode::take_request(std::string_view input, std::size_t& at, Words& words) {
    std::size_t next = at;
    const auto number = [&](char type, std::size_t& value) {
        const std::size_t end = input.find('\r', next);
        if (next < input.size()) {
            require(input[next] == type, "a node is sent something else than requests");
        }
        if (end == std::string_view::npos || end + 1 == input.size()) {
            return false;
        }
        const auto [rest, bad] = std::from_chars(input.data() + next + 1, input.data() + end, value);
        require(bad == std::errc{} && rest == input.data() + end, "a node is sent a malformed length");
        next = end + 2;  // whatever the second byte is, as for Redis
        return true;
    };
    words.clear();
    std::size_t count = 0;
    if (!number('*', count)) {
        return false;
    }
    for (std::size_t i = 0; i < count; ++i) {
        std::size_t size = 0;
        if (!number('$', size) || input.size() - next < size + 2) {
            return false;
        }
        words.emplace_back(input.substr(next, size));
        next += size + 2;  // whatever two bytes they are, as for Redis
    }
    at = next;
    return true;
}

std::optional<std::string> HonestNode::answer(NodeState& state, const Words& words) {
    if (words.empty()) {
        return std::string();  // as Redis, which takes "*0" for nothing
    }
    const std::string name = lower(words[0]);
    if (!state.first) {
        const bool logs_in = name == "auth" && words.size() == 3;
        state.first = !logs_in                  ? User::nobody
                      : words[1] == alice_.name ? User::alice
                      : words[1] == bob_.name   ? User::bob
                                                : User::nobody;
    }
    tracks_ = tracks_ || (name == "client" && words.size() > 1 && lower(words[1]) == "tracking");
    if (is_nonce(name)) {
        return "-ERR unknown command '" + words[0] + "', with args beginning with: \r\n";
    }
    const bool alone = one_of(name, {"multi", "exec", "discard", "unwatch", "reset", "monitor", "role"});
    const bool takes = one_of(name, {"get", "set", "echo", "watch", "select", "auth", "client", "wait", "blpop"});
    if ((alone && words.size() != 1) || (takes && words.size() == 1)) {
        return "-ERR wrong number of arguments for '" + name + "' command\r\n";
    }
    if (state.in_multi && !one_of(name, {"exec", "discard", "multi", "watch", "quit", "reset"})) {
        state.queued.push_back(words);
        return "+QUEUED\r\n";
    }
    return execute(state, words, name);
}

bool HonestNode::log_in(NodeState& state, std::string_view name, std::string_view password) {
    for (const auto& [secret, user] : {std::pair(&alice_, User::alice), std::pair(&bob_, User::bob)}) {
        if (name == secret->name) {
            if (password == secret->password) {
                state.user = user;
                return true;
            }
            tried_ = true;
            return false;
        }
    }
    return false;
}

std::optional<std::string> HonestNode::execute(NodeState& state, const Words& words, const std::string& name) {
    const std::string wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    if (name == "auth") {
        return words.size() == 3 && log_in(state, words[1], words[2]) ? "+OK\r\n" : wrong;
    }
    if (name == "hello") {
        return hello(state, words);
    }
    if (name == "reset") {
        const auto first = state.first;
        state = {};
        state.first = first;
        return "+RESET\r\n";
    }
    if (login_required_ && state.user == User::nobody) {
        return "-NOAUTH Authentication required.\r\n";
    }
    if (name == "select" || name == "quit" || name == "watch" || name == "unwatch" || name == "set") {
        return "+OK\r\n";
    }
    if (name == "echo" && words.size() == 2) {
        return bulk(words[1]);
    }
    if (name == "ping") {
        return state.protocol == 2 && !(state.channels.empty() && state.patterns.empty())
                   ? "*2\r\n$4\r\npong\r\n" + bulk(words.size() > 1 ? words[1] : "")
               : words.size() > 1 ? bulk(words[1])
                                  : "+PONG\r\n";
    }
    if (name == "multi") {
        return std::exchange(state.in_multi, true) ? "-ERR MULTI calls can not be nested\r\n" : "+OK\r\n";
    }
    if (name == "exec") {
        return exec(state);
    }
    if (name == "discard") {
        state.queued.clear();
        return std::exchange(state.in_multi, false) ? "+OK\r\n" : "-ERR DISCARD without MULTI\r\n";
    }
    if (one_of(name, {"subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe"})) {
        return subscribe(state, words, name);
    }
    if (one_of(name, {"blpop", "brpop", "blmove", "bzpopmin", "wait", "monitor"}) && !state.in_multi) {
        return name == "wait"      ? std::optional<std::string>(":1\r\n")
               : name == "monitor" ? std::optional<std::string>("+OK\r\n")
                                   : std::nullopt;
    }
    if (name == "role") {
        return "*3\r\n$6\r\nmaster\r\n:100\r\n*1\r\n*3\r\n$9\r\n127.0.0.1\r\n$1\r\n7\r\n$3\r\n100\r\n";
    }
    if (name == "command") {
        return "*1\r\n*7\r\n$8\r\nft.find\r\n:-2\r\n*1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n*0\r\n";
    }
    if (!failures_.empty()) {
        const std::string text = failures_.front();
        failures_.pop_front();
        return resp::error(text);
    }
    if (one_of(name, {"del", "incr", "publish", "lpush", "expire"})) {
        return ":1\r\n";
    }
    if (name == "client") {
        const std::string what = words.size() > 1 ? lower(words[1]) : "";
        return what == "id" || what == "kill" || what == "unblock" ? ":0\r\n" : what == "list" ? bulk("") : "+OK\r\n";
    }
    return value(state, words);
}

std::string HonestNode::hello(NodeState& state, const Words& words) {
    if (words.size() > 1 && words[1] != "2" && words[1] != "3") {
        return "-NOPROTO unsupported protocol version\r\n";
    }
    for (std::size_t i = 2; i + 2 < words.size(); ++i) {
        if (lower(words[i]) == "auth" && !log_in(state, words[i + 1], words[i + 2])) {
            return "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
        }
    }
    if (login_required_ && state.user == User::nobody) {
        return "-NOAUTH HELLO must be called with the client already authenticated\r\n";
    }
    if (words.size() > 1) {
        state.protocol = words[1][0] - '0';
    }
    return std::string(state.protocol == 3 ? "%7" : "*14") + "\r\n" + bulk("server") + bulk("redis") + bulk("version") +
           bulk("7.0.15") + bulk("proto") + resp::integer(state.protocol) + bulk("id") + ":7\r\n" + bulk("mode") +
           bulk("standalone") + bulk("role") + bulk("master") + bulk("modules") + "*0\r\n";
}

std::string HonestNode::exec(NodeState& state) {
    if (!std::exchange(state.in_multi, false)) {
        return "-ERR EXEC without MULTI\r\n";
    }
    const std::vector<Words> queued = std::exchange(state.queued, {});
    std::string out = "*" + std::to_string(queued.size()) + "\r\n";
    for (const Words& each : queued) {
        out += execute(state, each, lower(each[0])).value_or(state.protocol == 3 ? "_\r\n" : "*-1\r\n");
    }
    return out;
}

/// One frame for each name, in which they are counted.
std::string HonestNode::subscribe(NodeState& state, const Words& words, const std::string& name) {
    const bool patterns = name[0] == 'p';
    std::set<std::string>& names = patterns ? state.patterns : state.channels;
    const bool ends = name.find("unsub") != std::string::npos;
    std::vector<std::string> wanted(words.begin() + 1, words.end());
    if (wanted.empty() && !ends) {
        return "-ERR wrong number of arguments for '" + name + "' command\r\n";
    }
    if (wanted.empty()) {
        wanted.assign(names.begin(), names.end());
    }
    std::string out;
    for (const std::string& each : wanted) {
        if (ends) {
            names.erase(each);
        } else {
            names.insert(each);
        }
        out += array(state, '>', 3) + bulk(name) + bulk(each) +
               resp::integer(static_cast<std::int64_t>(state.channels.size() + state.patterns.size()));
    }
    return !out.empty() ? out
                        : array(state, '>', 3) + bulk(name) + (state.protocol == 3 ? "_\r\n" : "$-1\r\n") +
                              resp::integer(static_cast<std::int64_t>(state.channels.size() + state.patterns.size()));
}

std::string_view HonestNode::mark(const NodeState& state) const {
    if (state.first != state.user || state.user == User::nobody) {
        return "nobody";
    }
    return state.user == User::alice ? alice_.mark : bob_.mark;
}

std::string HonestNode::value(const NodeState& state, const Words& words) {
    std::string out(mark(state));
    out += ':';
    out += words.size() > 1 ? words[1].substr(0, 16) : "";
    out.resize(std::max(out.size(), std::exchange(size_, 0)), '\r');
    return bulk(out);
}

std::string HonestNode::messages(const NodeState& state) const {
    std::string out;
    for (const std::string& each : state.channels) {
        out += array(state, '>', 3) + bulk("message") + bulk(each) + bulk(mark(state));
    }
    for (const std::string& each : state.patterns) {
        out += array(state, '>', 4) + bulk("pmessage") + bulk(each) + bulk(each) + bulk(mark(state));
    }
    return out;
}

}  // namespace portal::fuzz
