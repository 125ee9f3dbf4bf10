// One rule per kind of value: how its text is read, how it is printed, and which bounds it has. No rule's complaint
// quotes a value that may be secret. Pure; knows no YAML and no file.
#pragma once

#include "config/config.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace portal::config {

/// Either a value or a complaint that completes "KEY: ...".
template <class T>
struct Parsed {
    std::optional<T> value;
    std::string complaint;

    static Parsed of(T value) { return {std::move(value), {}}; }
    static Parsed wrong(std::string complaint) { return {std::nullopt, std::move(complaint)}; }
};

/// A word of the file as messages show it: in quotes, short and printable.
std::string in_quotes(std::string_view text);

/// Any text that is not empty. `secret`: masked when printed.
struct TextRule {
    using Value = std::string;
    bool secret = false;
    Parsed<std::string> parse(const std::string& text) const;
    std::string print(const std::string& value) const { return value; }
    std::string kind() const { return secret ? "text, secret" : "text"; }
};

/// A name that may stand in records, metrics and paths.
struct NameRule {
    using Value = std::string;
    Parsed<std::string> parse(const std::string& text) const;
    std::string print(const std::string& value) const { return value; }
    std::string kind() const { return "1 to 63 letters, digits, `.`, `_`, `-`"; }
};

enum class FileUse : std::uint8_t { read, write };

/// A path; a relative one starts at the configuration file's folder. Files to read must be there and readable.
struct FileRule {
    using Value = std::string;
    FileUse use = FileUse::read;
    Parsed<std::string> parse(const std::string& text) const;
    std::string print(const std::string& value) const { return value; }
    std::string kind() const { return use == FileUse::read ? "file" : "path"; }
};

struct DurationRule {
    using Value = Milliseconds;
    Milliseconds min;
    Milliseconds max;
    std::string_view zero;  // what 0s means; empty: 0s follows the bounds
    Parsed<Milliseconds> parse(const std::string& text) const;
    std::string print(Milliseconds value) const;
    std::string kind() const;
};

struct SizeRule {
    using Value = Bytes;
    Bytes min;
    Bytes max;
    Parsed<Bytes> parse(const std::string& text) const;
    std::string print(Bytes value) const;
    std::string kind() const;
};

struct CountRule {
    using Value = std::uint32_t;
    std::uint32_t min;
    std::uint32_t max;
    std::string_view zero_word;  // the word that stands for 0; empty: none
    Parsed<std::uint32_t> parse(const std::string& text) const;
    std::string print(std::uint32_t value) const;
    std::string kind() const;
};

struct AddressRule {
    using Value = Address;
    Parsed<Address> parse(const std::string& text) const;
    std::string print(const Address& value) const;
    std::string kind() const { return "`host:port` or `[v6]:port`"; }
};

/// http://host:port or https://host:port.
struct UrlRule {
    using Value = std::string;
    Parsed<std::string> parse(const std::string& text) const;
    std::string print(const std::string& value) const { return value; }
    std::string kind() const { return "`http://host:port` or `https://host:port`"; }
};

/// How a command of a module is written, which no table knows.
inline constexpr std::string_view kModuleCommand = "module:";

/// A command, or "command|subcommand", also with "module:" before it; kept in lower case.
struct CommandRule {
    using Value = std::string;
    Parsed<std::string> parse(const std::string& text) const;
    std::string print(const std::string& value) const { return value; }
    std::string kind() const { return "`command`, `command|subcommand` or `module:command`"; }
};

/// Says which of `words` the text should have been, with the nearest one when it looks like a typing error.
std::string not_one_of(std::string_view text, const std::string_view* words, std::size_t count);

/// "name value", as in redis.conf.
struct NodeSettingRule {
    using Value = NodeSetting;
    Parsed<NodeSetting> parse(const std::string& text) const;
    std::string print(const NodeSetting& setting) const {
        return setting.name + " " + (setting.value.empty() ? "\"\"" : setting.value);
    }
    std::string kind() const { return "`name value` as in redis.conf"; }
};

/// A word of config::Acl, or a file.
struct AclSourceRule {
    using Value = std::string;
    Parsed<std::string> parse(const std::string& text) const { return FileRule{}.parse(text); }
    std::string print(const std::string& value) const { return value; }
    std::string kind() const { return "`auto`, `leader`, `off` or a file"; }
};

template <class E, std::size_t N>
struct ChoiceRule {
    using Value = E;
    std::array<std::pair<std::string_view, E>, N> choices;

    Parsed<E> parse(const std::string& text) const {
        std::array<std::string_view, N> words;
        for (std::size_t i = 0; i < N; ++i) {
            if (choices[i].first == text) {
                return Parsed<E>::of(choices[i].second);
            }
            words[i] = choices[i].first;
        }
        return Parsed<E>::wrong(not_one_of(text, words.data(), N));
    }
    std::string print(E value) const {
        for (const auto& [word, choice] : choices) {
            if (choice == value) {
                return std::string(word);
            }
        }
        return {};
    }
    std::string kind() const {
        std::string text;
        for (const auto& [word, choice] : choices) {
            text += (text.empty() ? "`" : ", `") + std::string(word) + "`";
        }
        return text;
    }
};

template <class E, std::size_t N>
ChoiceRule<E, N> choice(const std::pair<std::string_view, E> (&choices)[N]) {
    return {std::to_array(choices)};
}

}  // namespace portal::config
