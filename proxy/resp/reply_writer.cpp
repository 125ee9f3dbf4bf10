#include "resp/reply_writer.hpp"

#include <array>
#include <charconv>

namespace portal::resp {
namespace {

void write_number_line(std::string& out, char type, auto number) {
    std::array<char, 24> line;
    line[0] = type;
    char* end = std::to_chars(line.data() + 1, line.data() + line.size() - 2, number).ptr;
    *end++ = '\r';
    *end++ = '\n';
    out.append(line.data(), static_cast<std::size_t>(end - line.data()));
}

// A line end inside the text would end the reply early and make the rest a reply of its own.
void write_text_line(std::string& out, char type, std::string_view text) {
    out.push_back(type);
    const std::size_t start = out.size();
    out.append(text);
    for (std::size_t i = start; i < out.size(); ++i) {
        if (out[i] == '\r' || out[i] == '\n') {
            out[i] = ' ';
        }
    }
    out.append("\r\n");
}

}  // namespace

void write_simple(std::string& out, std::string_view text) {
    write_text_line(out, '+', text);
}

void write_error(std::string& out, std::string_view text) {
    write_text_line(out, '-', text);
}

void write_integer(std::string& out, std::int64_t value) {
    write_number_line(out, ':', value);
}

void write_bulk(std::string& out, std::string_view bytes) {
    write_number_line(out, '$', bytes.size());
    out.append(bytes);
    out.append("\r\n");
}

void write_null(std::string& out, Protocol protocol) {
    out.append(protocol == Protocol::resp3 ? std::string_view("_\r\n") : std::string_view("$-1\r\n"));
}

void write_null_array(std::string& out, Protocol protocol) {
    out.append(protocol == Protocol::resp3 ? std::string_view("_\r\n") : std::string_view("*-1\r\n"));
}

void write_array_header(std::string& out, std::size_t count) {
    write_number_line(out, '*', count);
}

void write_map_header(std::string& out, std::size_t pairs, Protocol protocol) {
    if (protocol == Protocol::resp3) {
        write_number_line(out, '%', pairs);
    } else {
        write_number_line(out, '*', 2 * pairs);
    }
}

void write_push_header(std::string& out, std::size_t count, Protocol protocol) {
    write_number_line(out, protocol == Protocol::resp3 ? '>' : '*', count);
}

void write_verbatim(std::string& out, std::string_view text, Protocol protocol) {
    if (protocol == Protocol::resp2) {
        write_bulk(out, text);
        return;
    }
    constexpr std::string_view kFormat = "txt:";
    write_number_line(out, '=', kFormat.size() + text.size());
    out.append(kFormat).append(text).append("\r\n");
}

std::string simple(std::string_view text) {
    std::string out;
    write_simple(out, text);
    return out;
}

std::string error(std::string_view text) {
    std::string out;
    write_error(out, text);
    return out;
}

std::string integer(std::int64_t value) {
    std::string out;
    write_integer(out, value);
    return out;
}

}  // namespace portal::resp
