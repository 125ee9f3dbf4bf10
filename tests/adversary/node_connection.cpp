#include "node_connection.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace portal::adversary {

std::string simple(std::string_view text) {
    return fmt::format("+{}\r\n", text);
}
std::string error(std::string_view text) {
    return fmt::format("-{}\r\n", text);
}
std::string integer(std::int64_t number) {
    return fmt::format(":{}\r\n", number);
}
std::string bulk(std::string_view bytes) {
    std::string out = fmt::format("${}\r\n", bytes.size());
    out.append(bytes).append("\r\n");
    return out;
}
std::string null_of(int protocol) {
    return protocol == 3 ? "_\r\n" : "$-1\r\n";
}
std::string null_array(int protocol) {
    return protocol == 3 ? "_\r\n" : "*-1\r\n";
}
std::string header(char type, std::size_t count) {
    return fmt::format("{}{}\r\n", type, count);
}

std::string folded(std::string_view word) {
    std::string out(word);
    std::ranges::transform(out, out.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    return out;
}

bool take_request(std::string& input, Words& words) {
    words.clear();
    std::size_t at = 0;
    const auto number = [&](char type, std::size_t& value) {
        const std::size_t end = input.find("\r\n", at);
        if (end == std::string::npos) {
            return false;
        }
        const bool right = input[at] == type;
        const auto [rest, bad] = std::from_chars(input.data() + at + 1, input.data() + end, value);
        if (!right || bad != std::errc{} || rest != input.data() + end) {
            value = std::string::npos;
        }
        at = end + 2;
        return true;
    };
    std::size_t count = 0;
    if (input.empty() || !number('*', count)) {
        return false;
    }
    for (std::size_t i = 0; count != std::string::npos && i < count; ++i) {
        std::size_t size = 0;
        if (at >= input.size() || !number('$', size)) {
            return false;
        }
        if (size == std::string::npos) {
            words.clear();
            return true;
        }
        if (input.size() - at < size + 2) {
            return false;
        }
        words.push_back(input.substr(at, size));
        at += size + 2;
    }
    input.erase(0, at);
    return true;
}

}  // namespace portal::adversary
