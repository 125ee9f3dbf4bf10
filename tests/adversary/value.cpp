#include "value.hpp"

#include "marks.hpp"

#include <charconv>

#include <fmt/format.h>

namespace portal::adversary {

namespace {

constexpr std::string_view kLines = "+-:_#,(";
constexpr std::string_view kStrings = "$=!";
constexpr std::string_view kAggregates = "*%~>";

/// A push within a value is a message that a node has put there, as Redis 7.0 does; the confirmation of a subscription
/// is an answer.
bool is_message(const Value& item) {
    return item.type == '>' && (item.items.empty() || !item.items[0].text.ends_with("subscribe"));
}

Parsed parse_at(std::string_view bytes, std::size_t& at, Value& into, int depth) {
    if (at >= bytes.size()) {
        return Parsed::more;
    }
    const std::size_t line_end = bytes.find("\r\n", at);
    if (line_end == std::string_view::npos) {
        const bool known = (kLines.find(bytes[at]) != std::string_view::npos) ||
                           (kStrings.find(bytes[at]) != std::string_view::npos) ||
                           (kAggregates.find(bytes[at]) != std::string_view::npos);
        return known && bytes.size() - at < 65536 ? Parsed::more : Parsed::malformed;
    }
    into.type = bytes[at];
    const std::string_view line = bytes.substr(at + 1, line_end - at - 1);
    at = line_end + 2;
    if (kLines.find(into.type) != std::string_view::npos) {
        into.text = line;
        into.null = into.type == '_';
        return Parsed::whole;
    }
    long long count = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), count);
    if (error != std::errc{} || rest != line.data() + line.size() || count < -1 || depth > 16) {
        return Parsed::malformed;
    }
    if (count == -1) {
        into.null = true;
        return into.type == '$' || into.type == '*' ? Parsed::whole : Parsed::malformed;
    }
    const auto size = static_cast<std::size_t>(count);
    if (kStrings.find(into.type) != std::string_view::npos) {
        if (bytes.size() - at < size + 2) {
            at += size + 2;  // how much must be there before it is worth looking again
            return Parsed::more;
        }
        if (bytes.substr(at + size, 2) != "\r\n") {
            return Parsed::malformed;
        }
        into.text = bytes.substr(at, size);
        at += size + 2;
        return Parsed::whole;
    }
    if (kAggregates.find(into.type) == std::string_view::npos || size > 1000000) {
        return Parsed::malformed;
    }
    const std::size_t wanted = into.type == '%' ? 2 * size : size;
    while (into.items.size() < wanted) {
        Value item;
        const Parsed parsed = parse_at(bytes, at, item, depth + 1);
        if (parsed != Parsed::whole) {
            return parsed;
        }
        (is_message(item) ? into.beside : into.items).push_back(std::move(item));
    }
    return Parsed::whole;
}

}  // namespace

Parsed parse_value(std::string_view bytes, Value& into) {
    into = {};
    std::size_t at = 0;
    const Parsed parsed = parse_at(bytes, at, into, 0);
    into.size = at;
    return parsed;
}

char wrong_type(const Value& value, int protocol) {
    constexpr std::string_view kOnlyResp3 = "_#,(!=%~>";
    const bool wrong =
        protocol == 2 ? kOnlyResp3.find(value.type) != std::string_view::npos : value.null && value.type != '_';
    if (wrong) {
        return value.type;
    }
    if (protocol == 2 && !value.beside.empty()) {
        return '>';
    }
    for (const Value& item : value.items) {
        if (const char found = wrong_type(item, protocol)) {
            return found;
        }
    }
    return 0;
}

std::string describe(const Value& value) {
    if (value.null) {
        return fmt::format("{}(null)", value.type);
    }
    if (value.items.empty()) {
        return fmt::format("{}\"{}\"", value.type, shown(value.text));
    }
    std::string out = fmt::format("{}{}[", value.type, value.items.size());
    for (std::size_t i = 0; i < value.items.size() && i < 4; ++i) {
        out += (i == 0 ? "" : " ") + describe(value.items[i]);
    }
    return out + (value.items.size() > 4 ? " ...]" : "]");
}

}  // namespace portal::adversary
