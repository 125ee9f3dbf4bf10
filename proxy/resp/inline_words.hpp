// The words of an inline command, by redis-server's quoting rules (sds.c, sdssplitargs). Shared by the scanner, which
// only asks whether there are words and whether the quotes balance, and by inline_to_multibulk, which wants their
// bytes.
#pragma once

#include <cstddef>
#include <string_view>

namespace portal::resp {

/// C locale isspace().
[[nodiscard]] constexpr bool is_blank(char byte) noexcept {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/// Value of a hexadecimal digit, or -1.
[[nodiscard]] constexpr int hex_digit(char byte) noexcept {
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    if (byte >= 'a' && byte <= 'f') {
        return byte - 'a' + 10;
    }
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/// The line without its LF or CR LF.
[[nodiscard]] constexpr std::string_view without_line_end(std::string_view line) noexcept {
    if (line.ends_with('\n')) {
        line.remove_suffix(1);
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
    }
    return line;
}

/// Calls byte(char) for each byte of a word and word_end() after each word. False if the quotes do not balance; what
/// was passed on until then is void. `line` has no line end; a NUL ends it, as redis-server reads it as a C string.
template <typename Byte, typename WordEnd>
[[nodiscard]] bool split_words(std::string_view line, Byte byte, WordEnd word_end) {
    line = line.substr(0, line.find('\0'));
    // NUL stands for "past the end", as in C.
    const auto peek = [line](std::size_t at) noexcept { return at < line.size() ? line[at] : '\0'; };
    std::size_t at = 0;
    while (true) {
        while (is_blank(peek(at))) {
            ++at;
        }
        if (at >= line.size()) {
            return true;
        }
        char quote = '\0';
        for (bool done = false; !done;) {
            const char current = peek(at);
            const char next = peek(at + 1);
            if (quote == '\0') {
                // Vertical tab and form feed separate words but do not end one.
                if (current == ' ' || current == '\n' || current == '\r' || current == '\t' || current == '\0') {
                    done = true;
                } else if (current == '"' || current == '\'') {
                    quote = current;
                } else {
                    byte(current);
                }
            } else if (current == '\0') {
                return false;
            } else if (current == quote) {
                if (next != '\0' && !is_blank(next)) {
                    return false;
                }
                done = true;
            } else if (quote == '\'' && current == '\\' && next == '\'') {
                byte('\'');
                ++at;
            } else if (quote == '"' && current == '\\' && next == 'x' && hex_digit(peek(at + 2)) >= 0 &&
                       hex_digit(peek(at + 3)) >= 0) {
                byte(static_cast<char>(hex_digit(peek(at + 2)) * 16 + hex_digit(peek(at + 3))));
                at += 3;
            } else if (quote == '"' && current == '\\' && next != '\0') {
                switch (next) {
                    case 'n':
                        byte('\n');
                        break;
                    case 'r':
                        byte('\r');
                        break;
                    case 't':
                        byte('\t');
                        break;
                    case 'b':
                        byte('\b');
                        break;
                    case 'a':
                        byte('\a');
                        break;
                    default:
                        byte(next);
                        break;
                }
                ++at;
            } else {
                byte(current);
            }
            ++at;
        }
        word_end();
    }
}

}  // namespace portal::resp
