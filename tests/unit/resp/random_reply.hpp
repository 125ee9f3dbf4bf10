// A reply of random shape and what is in it, for those who read replies.
#pragma once

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace portal::resp::testing {

/// A value without the attributes in front of it. `type` is '_' for the nulls of both protocols; `text` is that of
/// strings, errors and integers.
struct Node {
    char type = 0;
    std::string text;
    std::vector<Node> elements;

    bool operator==(const Node&) const = default;
};

class RandomReply {
  public:
    explicit RandomReply(std::mt19937& random) : random_(random), tree_(value(0)) {}

    [[nodiscard]] const std::string& bytes() const { return bytes_; }
    [[nodiscard]] const Node& tree() const { return tree_; }

  private:
    static constexpr unsigned kLevels = 4;

    Node value(unsigned level) {
        while (random_() % 12 == 0 && level < kLevels) {
            const auto pairs = random_() % 3;
            bytes_ += "|" + std::to_string(pairs) + "\r\n";
            ++attributes_;
            for (std::size_t i = 0; i < 2 * pairs; ++i) {
                value(level + 1);
            }
            --attributes_;
        }
        if (inside_ && level < kLevels && random_() % 12 == 0) {
            message();
        }
        const char type = "+-:,(#_$=!$+:*~>%*"[random_() % (level < kLevels ? 18 : 13)];
        switch (type) {
            case ':': {
                const auto number = std::to_string(static_cast<int>(random_()) / 7);
                bytes_ += ":" + number + "\r\n";
                return {type, number, {}};
            }
            case '+':
            case '-':
                return line(type, random_() % 9);
            case ',':
            case '(':
            case '#':
                line(type, random_() % 3);
                return {type, {}, {}};
            case '_':
                bytes_ += random_() % 2 == 0 ? "$-1\r\n" : random_() % 2 == 0 ? "*-1\r\n" : "_\r\n";
                return {'_', {}, {}};
            case '$':
            case '!':
            case '=':
                return string(type);
            default:
                return aggregate(type, level);
        }
    }

    Node line(char type, std::size_t length) {
        std::string text;
        while (text.size() < length) {
            text += "ab:$*\r "[random_() % 7];
        }
        bytes_ += type + text + "\r\n";
        return {type, text, {}};
    }

    Node string(char type) {
        std::string text;
        for (std::size_t length = random_() % 7; text.size() < length;) {
            text += "ab\r\n$"[random_() % 5];
        }
        const std::string content = type == '=' ? "txt:" + text : text;
        bytes_ += type + std::to_string(content.size()) + "\r\n" + content + "\r\n";
        return {type, text, {}};
    }

    /// Stands before an element and is none.
    void message() {
        bytes_ += ">2\r\n$10\r\ninvalidate\r\n";
        value(kLevels);
    }

    Node aggregate(char type, unsigned level) {
        const auto count = random_() % 4;
        Node node{type, {}, {}};
        bytes_ += type + std::to_string(count) + "\r\n";
        std::size_t i = 0;
        const bool inside = std::exchange(inside_, inside_ || attributes_ == 0);
        if (inside && type == '>' && count > 0) {  // else it would be no element of what is around
            bytes_ += "$9\r\nsubscribe\r\n";
            node.elements.push_back({'$', "subscribe", {}});
            ++i;
        }
        for (; i < (type == '%' ? 2 * count : count); ++i) {
            node.elements.push_back(value(level + 1));
        }
        return node;
    }

    std::mt19937& random_;
    std::string bytes_;
    bool inside_ = false;  // the value, not an attribute before it
    int attributes_ = 0;   // that are open
    Node tree_;
};

}  // namespace portal::resp::testing
