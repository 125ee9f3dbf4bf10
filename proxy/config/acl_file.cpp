#include "config/acl_file.hpp"

#include "config/secret_files.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace portal::config {

namespace {

using Users = std::map<std::string, std::string>;

constexpr std::string_view kBlanks = " \t\r";
constexpr std::streamsize kMostBytes = 16 << 20;

std::string_view take_word(std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    const auto word = line.substr(0, line.find_first_of(kBlanks));
    line.remove_prefix(word.size());
    return word;
}

std::string in_single_blanks(std::string_view line) {
    std::string text;
    for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
        text += (text.empty() ? "" : " ") + std::string(word);
    }
    return text;
}

}  // namespace

Parsed<Users> parse_acl_file(std::string_view text) {
    Users users;
    std::size_t number = 0;
    while (!text.empty()) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const std::string place = "on its line " + std::to_string(++number);
        const auto first = take_word(line);
        if (first.empty() || first.starts_with('#')) {
            continue;
        }
        if (first != "user") {
            return Parsed<Users>::wrong("must hold lines 'user NAME RULES...', unlike what stands " + place);
        }
        const std::string name(take_word(line));
        if (name.empty() || line.find('\0') != std::string_view::npos || name.find('\0') != std::string::npos) {
            return Parsed<Users>::wrong("lacks the name of a user " + place);
        }
        if (!users.emplace(name, in_single_blanks(line)).second) {
            return Parsed<Users>::wrong("names a user a second time " + place);
        }
    }
    // Of an empty file, as of one that is still being written, nobody means that all users are to go.
    return users.empty() ? Parsed<Users>::wrong("names no user") : Parsed<Users>::of(std::move(users));
}

Parsed<Users> read_acl_file(const std::string& path) {
    if (std::string complaint = why_unreadable(path); !complaint.empty()) {
        return Parsed<Users>::wrong(std::move(complaint));
    }
    std::ifstream in(path, std::ios::binary);
    std::string content(std::istreambuf_iterator<char>(in), {});
    if (in.bad() || content.size() > static_cast<std::size_t>(kMostBytes)) {
        return Parsed<Users>::wrong("cannot be read, or is larger than 16MiB: " + path);
    }
    auto read = parse_acl_file(content);
    if (!read.value) {
        read.complaint += ": " + path;
    }
    return read;
}

}  // namespace portal::config
