// Judge: values, byte for byte, against what the client itself has written.
#include "judge.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace portal::adversary {

/// The write was answered with success, so it was executed, once.
void Judge::executed(Client& client, const Command& command) {
    std::vector<std::uint64_t> serials;
    for (const Mark& mark : command.marks) {
        serials.push_back(mark.serial);
    }
    if (command.want == Want::number) {
        serials.push_back(command.serial);
    }
    for (const std::uint64_t serial : serials) {
        const Ledger::Execution execution = ledger_.executed(serial);
        const std::string what = command.words[0] + " " + shown(command.words[1]);
        if (execution.times == 0) {
            wrong(client, "a write was answered, but not executed", what);
        } else if (execution.user != client.user) {
            wrong(client, "a command is executed with another user's rights",
                  fmt::format("{} by {}, asked by {}", what, nodes_.user(execution.user).name,
                              nodes_.user(client.user).name));
        } else if (execution.database != client.database) {
            wrong(client, "a command reaches another database",
                  fmt::format("{} in database {}, asked in {}", what, execution.database, client.database));
        }
    }
}

/// A read that is asked again, since its link was lost or a command before it was refused, may come behind a write of
/// the same client that was sent after it.
bool Judge::may_see_more(const Client& client, const std::string& key) const {
    const auto concerns = [&](const Command& each) {
        const bool transaction = each.want == Want::exec && !client.queued.empty();
        return transaction || std::ranges::find(each.words, key) != each.words.end();
    };
    return tolerance_.early_reads && std::ranges::any_of(client.expected, concerns);
}

void Judge::expect_mark(Client& client, const Command& command, const Mark& mark, const Value& value) {
    const std::string what = fmt::format("{} {} got {}", command.words[0],
                                         command.words.size() > 1 ? shown(command.words[1], 60) : "", describe(value));
    const auto found = value.string() ? leading_mark(value.text) : std::nullopt;
    if (!value.string()) {
        wrong(client, value.null ? "a value is lost" : "the answer to another command", what);
    } else if (found && found->client != client.id) {
        wrong(client, "another client's value", what);
    } else if (found && found->database != mark.database) {
        wrong(client, "a value of another database", what);
    } else if (!found || *found != mark) {
        wrong(client, "another value of its own", what + ", expected " + text_of(mark));
    } else if (const std::string expected = value_of(mark); expected != value.text) {
        wrong(client, "the bytes of a value changed", what + ": " + difference(expected, value.text));
    }
}

void Judge::expect_string(Client& client, const Command& command, const std::string& name, const Value& value) {
    const KeyState& key = client.keys[name];
    if (key.cloudy || may_see_more(client, name)) {
        const auto found = leading_mark(value.text);
        if (!value.null && (!found || found->client != client.id)) {
            expect_mark(client, command, found.value_or(Mark{.client = client.id}), value);
        }
    } else if (key.string) {
        expect_mark(client, command, *key.string, value);
    } else if (!value.null) {
        wrong(client, "a value that was never written",
              fmt::format("{} {} got {}", command.words[0], command.words[1], describe(value)));
    }
}

void Judge::answer_data(Client& client, const Command& command, const Value& value) {
    const auto mismatch = [&] {
        wrong(client, "the answer to another command",
              fmt::format("{} {} got {}", command.words[0], command.words.size() > 1 ? shown(command.words[1], 40) : "",
                          describe(value)));
        client.unsure = true;
    };
    if (value.error()) {
        settle(client, command, judge_error(client, command, value));
        return;
    }
    switch (command.want) {
        case Want::set:
            expect_ok(client, command, value);
            executed(client, command);
            client.keys[command.key()].string = command.marks.at(0);
            client.watch_broken = client.watch_broken || client.watched_keys.contains(command.key());
            break;
        case Want::get:
            expect_string(client, command, command.key(), value);
            break;
        case Want::mget:
            if (value.type != '*' || value.items.size() != command.words.size() - 1) {
                mismatch();
                break;
            }
            for (std::size_t i = 0; i < value.items.size(); ++i) {
                expect_string(client, command, command.words[i + 1], value.items[i]);
            }
            break;
        case Want::strlen: {
            const KeyState& key = client.keys[command.key()];
            const bool loose = key.cloudy || may_see_more(client, command.key());
            if (value.type != ':' || (!loose && value.text != std::to_string(key.string ? key.string->size : 0))) {
                mismatch();
            }
            break;
        }
        case Want::number:
            if (value.type != ':' || value.text != std::to_string(command.number)) {
                mismatch();
            } else {
                executed(client, command);
                nodes_.forget(client.database, command.key());
            }
            break;
        case Want::word:
            if (!value.string() || value.text != command.words.back()) {
                const auto found = find_mark(value.text);
                found && found->client != client.id ? wrong(client, "another client's value", describe(value))
                                                    : mismatch();
            }
            break;
        case Want::whoami:
            if (!value.string() || value.text != nodes_.user(client.user).name) {
                const bool is_user = value.text.starts_with("user") || value.text == "default";
                is_user ? wrong(client, "another user's right", "ACL WHOAMI says " + value.text) : mismatch();
            }
            break;
        case Want::hset:
            if (value.type != ':' || (value.text != "0" && value.text != "1")) {
                mismatch();
            } else {
                executed(client, command);
                client.keys[command.key()].hash[command.words[2]] = command.marks.at(0);
            }
            break;
        case Want::hgetall: {
            const KeyState& key = client.keys[command.key()];
            const bool loose = key.cloudy || may_see_more(client, command.key());
            if (value.type != (client.protocol == 3 ? '%' : '*') ||
                (!loose && value.items.size() != 2 * key.hash.size())) {
                mismatch();
                break;
            }
            for (std::size_t i = 0; !loose && i + 1 < value.items.size(); i += 2) {
                const auto field = key.hash.find(value.items[i].text);
                field == key.hash.end() ? mismatch() : expect_mark(client, command, field->second, value.items[i + 1]);
            }
            break;
        }
        case Want::del:
            if (value.type != ':' || (value.text != "0" && value.text != "1")) {
                mismatch();
            } else {
                KeyState& key = client.keys[command.key()];
                key.string.reset();
                key.list.clear();
                key.hash.clear();
                client.watch_broken = client.watch_broken || client.watched_keys.contains(command.key());
            }
            break;
        case Want::eval:
            if (value.type == '*') {
                if (!client.debugging) {
                    wrong(client, "a script runs in a debugger that is not its own", describe(value));
                }
                settle(client, command, Fate::refused);
            } else if (command.words[1] == "set") {
                expect_ok(client, command, value);
                executed(client, command);
                client.keys[command.words[3]].string = command.marks.at(0);
            } else if (!value.string() || value.text != command.words.back()) {
                const auto found = find_mark(value.text);
                found && found->client != client.id ? wrong(client, "another client's value", describe(value))
                                                    : mismatch();
            }
            break;
        case Want::count_of_receivers:
            if (value.type != ':') {
                mismatch();
            }
            break;
        default:  // an unknown command or a deadly read gets nothing but an error
            mismatch();
    }
}

void Judge::answer_list(Client& client, const Command& command, const Value& value) {
    const auto mismatch = [&] {
        wrong(client, "the answer to another command",
              fmt::format("{} {} got {}", command.words[0], shown(command.words[1], 40), describe(value)));
        client.unsure = true;
    };
    if (value.error()) {
        settle(client, command, judge_error(client, command, value));
        return;
    }
    KeyState& key = client.keys[command.key()];
    const bool loose = key.cloudy || may_see_more(client, command.key());
    switch (command.want) {
        case Want::rpush:
            if (value.type != ':') {
                mismatch();
                break;
            }
            executed(client, command);
            if (command.key()[0] == 'l') {
                key.list.insert(key.list.end(), command.marks.begin(), command.marks.end());
                if (!key.cloudy && value.text != std::to_string(key.list.size())) {
                    mismatch();
                }
            }
            break;
        case Want::lpop:
            if (key.cloudy) {
                break;
            }
            if (key.list.empty()) {
                if (!value.null) {
                    wrong(client, "a value that was never written", describe(value));
                }
            } else {
                expect_mark(client, command, key.list.front(), value);
                key.list.pop_front();
            }
            break;
        case Want::lrange:
            if (value.type != '*' || (!loose && value.items.size() != key.list.size())) {
                mismatch();
                break;
            }
            for (std::size_t i = 0; !loose && i < value.items.size(); ++i) {
                expect_mark(client, command, key.list[i], value.items[i]);
            }
            break;
        default: {  // BLPOP of what the buddy, or the client itself, has pushed
            if (value.null) {
                break;
            }
            const auto mark = value.items.size() == 2 ? leading_mark(value.items[1].text) : std::nullopt;
            if (!mark || value.items[0].text != command.key()) {
                mismatch();
            } else if (mark->client != client.buddy && mark->client != client.id) {
                wrong(client, "another client's value", describe(value));
            } else if (mark->database != client.database) {
                wrong(client, "a value of another database", describe(value));
            } else if (value_of(*mark) != value.items[1].text) {
                wrong(client, "the bytes of a value changed", difference(value_of(*mark), value.items[1].text));
            } else if (!client.popped.insert(mark->serial).second) {
                wrong(client, "one element is handed out twice", describe(value));
            }
        }
    }
}

}  // namespace portal::adversary
