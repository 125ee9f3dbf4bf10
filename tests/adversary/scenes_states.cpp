// Scenes: what leaves something on a connection: WATCH, tracking, subscriptions, and logins in the middle of them.
#include "scenes.hpp"

#include <fmt/format.h>

namespace portal::adversary {

/// `then` happens with a WATCH open, with tracking on, or with nothing of the kind; then the state ends, or the client
/// leaves with it.
void Scenes::in_some_state(Client& client, std::function<void(Client&)> then) {
    const std::size_t state = chance_.below(4);
    if (state < 2) {
        simple(client, {"WATCH", client.key('k', chance_.below(kStrings))}, Want::watch);
    } else if (state == 2) {
        simple(client, {"CLIENT", "TRACKING", "ON"}, Want::tracking_on);
    }
    client.steps.emplace_back(std::move(then));
    client.steps.emplace_back([this](Client& c) { simple(c, {"ACL", "WHOAMI"}, Want::whoami); });
    client.steps.emplace_back([this, state](Client& c) {
        if (chance_.hits(0.1)) {
            c.leaving = true;
        } else if (state < 2) {
            simple(c, {"UNWATCH"}, Want::unwatch);
        } else if (state == 2) {
            simple(c, {"CLIENT", "TRACKING", "OFF"}, Want::tracking_off);
        }
        plain(c, 2);
    });
    client.steps.emplace_back([this](Client& c) {
        simple(c, {"ACL", "WHOAMI"}, Want::whoami);
        plain(c, 2);
    });
}

void Scenes::login(Client& client) {
    in_some_state(client, [this](Client& c) {
        if (chance_.hits(0.6)) {
            auth(c);
        } else {
            hello(c, c.protocol, true);
        }
    });
}

void Scenes::tracking(Client& client) {
    Words words{"CLIENT", "TRACKING", "ON"};
    const std::size_t form = chance_.below(7);
    const std::uint64_t target = portal_id_of ? portal_id_of(client.buddy) : 0;
    const bool redirects = target != 0 && chance_.hits(0.5);
    if (form == 0) {
        words.insert(words.end(), {"BCAST", "PREFIX", fmt::format("k:{}:", client.id)});
    } else if (form == 1) {
        words.emplace_back("OPTIN");
    } else if (form == 2) {
        words.emplace_back("NOLOOP");
    }
    if (form == 6 || redirects) {
        client.ever_redirected = true;
        words.insert(words.end(), {"REDIRECT", std::to_string(form == 6 && !redirects ? 1 : target)});
    }
    simple(client, {"CLIENT", "ID"}, Want::client_id);
    if (form == 5 && client.ever_redirected) {
        words[2] = "OFF";
        simple(client, words, Want::tracking_off);
        client.steps.emplace_back([this](Client& c) {
            if (chance_.hits(0.3)) {
                c.leaving = true;
            }
            plain(c, 2);
        });
        return;
    }
    simple(client, words, Want::tracking_on);
    if (form == 1) {
        simple(client, {"CLIENT", "CACHING", "YES"}, Want::ok);
    }
    client.steps.emplace_back([this](Client& c) { plain(c, 6); });
    client.steps.emplace_back([this](Client& c) {
        if (chance_.hits(0.2)) {
            c.leaving = true;
        } else {
            simple(c, {"CLIENT", "TRACKING", "OFF"}, Want::tracking_off);
        }
        plain(c, 2);
    });
}

void Scenes::subscription(Client& client) {
    const std::string first = fmt::format("ch:{}", chance_.below(kChannels / 2));
    const std::string second = fmt::format("ch:{}", kChannels / 2 + chance_.below(kChannels / 2));
    const Mark marked = mark(client);
    client.send({.words = {"PUBLISH", chance_.hits(0.5) ? first : second, value_of(marked)},
                 .want = Want::count_of_receivers,
                 .marks = {marked}});
    if (chance_.hits(0.4)) {
        return;
    }
    client.send({.words = {"SUBSCRIBE", first, second}, .want = Want::subscribe, .followers = 1});
    client.steps.emplace_back([this](Client& c) {
        if (c.protocol == 3) {
            plain(c, 4);
        }
    });
    client.steps.emplace_back([this, first, second](Client& c) {
        if (chance_.hits(0.1)) {
            c.leaving = true;
        }
        c.send({.words = {"UNSUBSCRIBE", first, second}, .want = Want::unsubscribe, .followers = 1});
    });
    client.steps.emplace_back([this](Client& c) { plain(c, 2); });
}

}  // namespace portal::adversary
