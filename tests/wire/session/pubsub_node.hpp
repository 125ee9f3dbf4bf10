// A node that takes subscriptions, and what clients and tests say of them.
#pragma once

#include "portal_fixture.hpp"
#include "script_node.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace portal::testing {

inline std::string confirmed(std::string_view word, std::string_view name, int count, char first = '*') {
    return first + ("3\r\n" + bulk(word)) + bulk(name) + ":" + std::to_string(count) + "\r\n";
}

inline std::string message(std::string_view channel, std::string_view text, char first = '*') {
    return first + ("3\r\n" + bulk("message")) + bulk(channel) + bulk(text);
}

/// Confirms subscriptions, and publishes by what PUBLISH says, on the same connection.
inline std::string pubsub_node(const std::vector<std::string>& words) {
    std::string out;
    std::string word = words[0];
    std::ranges::transform(word, word.begin(), [](char c) { return static_cast<char>(c | 0x20); });
    if (word.ends_with("subscribe")) {
        for (std::size_t i = 1; i < words.size(); ++i) {
            out += confirmed(word, words[i], static_cast<int>(i), '>');
        }
        return out;
    }
    if (word == "publish") {
        return message(words[1], words[2], '>') + ":1\r\n";
    }
    return word == "ping" ? "+PONG\r\n" : "+OK\r\n";
}

class SessionPubSubTest : public PortalTest {
  protected:
    using Words = std::vector<std::string>;

    static Words subscribes(const FakeNode& node) {
        Words all = node.seen();
        std::erase_if(all, [](const std::string& each) { return each.find("SUBSCRIBE") == std::string::npos; });
        return all;
    }
    void wait_subscribes(const FakeNode& node, std::size_t count) {
        wait_for([&] { return subscribes(node).size() >= count; }, "the node is asked");
    }
};

}  // namespace portal::testing
