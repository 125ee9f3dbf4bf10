// Scenes: what stands in front of a MULTI, in one piece with it and mostly on a link of the client's own, and what is
// special within the transaction. None of the first is part of the second, whatever a node refuses or where it dies.
#include "scenes.hpp"

#include <fmt/format.h>

namespace portal::adversary {

/// Behind a login or SELECT that is not answered yet the client does not know who or where it is: what it sends then is
/// judged when the answers have come.
void Scenes::sure(Client& client) {
    switch (chance_.below(4)) {
        case 0:
            simple(client, {"ECHO", value_of(mark(client))}, Want::word);
            return;
        case 1:
            simple(client, {"ACL", "WHOAMI"}, Want::whoami);
            return;
        default:
            client.send(increment(client, kAnyDatabase));
    }
}

void Scenes::tentative(Client& client, bool unknown) {
    unknown ? sure(client) : data_command(client);
}

/// Why the client gets a link of its own; now and then it does not.
void Scenes::own_link(Client& client) {
    switch (chance_.below(5)) {
        case 0:
        case 1:
            simple(client, {"WATCH", client.key('k', chance_.below(kStrings))}, Want::watch);
            break;
        case 2:
            simple(client, {"CLIENT", "TRACKING", "ON"}, Want::tracking_on);
            for (std::size_t i = 0; i < kStrings; ++i) {
                simple(client, {"GET", client.key('k', i)}, Want::get);
            }
            break;
        case 3:
            client.steps.emplace_back([this](Client& c) {
                simple(c, {"BLPOP", key_name('q', c.id, c.database, "box"), chance_.hits(0.5) ? "0.02" : "0.08"},
                       Want::blpop);
                before_multi(c);
            });
            return;
        default:
            break;
    }
    client.steps.emplace_back([this](Client& c) { before_multi(c); });
}

/// What nobody is told of. It comes before the MULTI all the same, and is no part of it.
void Scenes::muted(Client& client) {
    const Command first = increment(client, kAnyDatabase);
    if (client.watched || chance_.hits(0.5)) {  // an EXEC that nobody is told of would end the WATCH
        client.send_muted({"CLIENT", "REPLY", "SKIP"});
        client.send_muted(first.words);
        client.send({.words = {"ECHO", "heard"}, .want = Want::word, .unheard = {first.serial}});
        return;
    }
    const Command second = increment(client, kAnyDatabase);
    client.send_muted({"CLIENT", "REPLY", "OFF"});
    client.send_muted(first.words);
    client.send_muted({"MULTI"});
    client.send_muted(second.words);
    client.send_muted({"EXEC"});
    client.send({.words = {"CLIENT", "REPLY", "ON"}, .unheard = {first.serial, second.serial}});
}

/// In one piece: what stands before MULTI, and all or the beginning of the transaction.
void Scenes::before_multi(Client& client) {
    bool unknown = false;
    bool same_protocol = true;
    for (std::size_t i = chance_.between(1, 4); i > 0; --i) {
        const std::size_t kind = chance_.below(20);
        if (kind < 2) {
            auth(client);
            unknown = true;
        } else if (kind == 2) {
            hello(client, chance_.hits(0.5) ? 3 : 2, true);
            unknown = true;
            same_protocol = false;
        } else if (kind == 3) {
            hello(client, chance_.hits(0.5) ? 3 : 2, false);
            same_protocol = false;
        } else if (kind == 4) {
            select(client);
            unknown = true;
        } else if (kind == 5 && script_.mutes) {
            muted(client);
        } else if (kind < 13) {
            unknown ? client.send(increment(client, kAnyDatabase)) : write(client);
        } else {
            tentative(client, unknown);
        }
    }
    simple(client, {"MULTI"}, Want::multi);
    client.unknown_place = unknown;
    Inside inside{.same_protocol = same_protocol};
    for (std::size_t i = chance_.between(1, 5); i > 0; --i) {
        inside_multi(client, inside);
    }
    const bool subscribes = !inside.channel.empty();
    const bool keeps = chance_.hits(0.75);
    const auto end = [this, keeps, subscribes](Client& c) {
        keeps ? simple(c, {"EXEC"}, Want::exec) : simple(c, {"DISCARD"}, Want::discard);
        for (std::size_t i = subscribes ? 0 : chance_.below(3); i > 0; --i) {
            tentative(c, c.unknown_place);
        }
    };
    if (chance_.hits(0.5)) {
        end(client);
    } else {
        client.steps.emplace_front(end);
    }
}

/// The next command of the transaction.
void Scenes::inside_multi(Client& client, Inside& inside) {
    switch (chance_.below(16)) {
        case 0:
            simple(client, {"MULTI"}, Want::multi);
            return;
        case 1:
            // A message to itself may come behind the answer to EXEC, in the protocol that was spoken before.
            if (!inside.publishes) {
                hello(client, chance_.hits(0.5) ? 3 : 2, false);
                inside.same_protocol = false;
            }
            return;
        case 2:
            auth(client);
            client.unknown_place = true;
            return;
        case 3:
            select(client);
            client.unknown_place = true;
            return;
        case 4:
            if (inside.channel.empty()) {
                inside.channel = fmt::format("ch:{}", chance_.below(kChannels));
                simple(client, {"SUBSCRIBE", inside.channel}, Want::subscribe);
            }
            return;
        case 5:
        case 6:
            // Not in RESP2, where a message to itself could not be told from an element.
            if (!inside.channel.empty() && inside.same_protocol && client.protocol == 3 && !client.unknown_place) {
                const Mark marked = mark(client);
                inside.publishes = true;
                client.send({.words = {"PUBLISH", inside.channel, value_of(marked)},
                             .want = Want::count_of_receivers,
                             .marks = {marked}});
                return;
            }
            if (!client.unknown_place) {
                write(client);
                return;
            }
            [[fallthrough]];
        default:
            tentative(client, client.unknown_place);
    }
}

void Scenes::front(Client& client) {
    own_link(client);
    client.steps.emplace_back([](Client& c) {
        for (const std::string& channel : c.channels) {
            c.send({.words = {"UNSUBSCRIBE", channel}, .want = Want::unsubscribe});
        }
    });
    client.steps.emplace_back([this](Client& c) {
        if (c.watched && chance_.hits(0.5)) {
            simple(c, {"UNWATCH"}, Want::unwatch);
        }
        if (c.tracking == Known::yes) {
            simple(c, {"CLIENT", "TRACKING", "OFF"}, Want::tracking_off);
        }
        simple(c, {"ACL", "WHOAMI"}, Want::whoami);
        plain(c, 2);
    });
}

}  // namespace portal::adversary
