#include "observe/log_line.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <ranges>
#include <type_traits>
#include <utility>
#include <variant>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/locale/utf.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

namespace portal::observe {
namespace {

constexpr std::string_view kCut = "...(cut)";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

std::string rfc3339(std::chrono::system_clock::time_point time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const auto millis = std::chrono::floor<std::chrono::milliseconds>(time - seconds).count();
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                       millis);
}

/// C0, DEL and C1 controls, and the two separators that some viewers break lines at.
bool is_control(std::uint32_t code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029;
}

/// Calls keep(bytes) for each harmless character and escape(bytes, valid) for each control character or broken byte.
template <typename Keep, typename Escape>
void for_each_character(std::string_view text, Keep keep, Escape escape) {
    const bool cut = text.size() > kMaxLogText;
    const auto* at = text.data();
    const auto* const end = at + std::min(text.size(), kMaxLogText);
    while (at != end) {
        const auto* const begin = at;
        const auto code = boost::locale::utf::utf_traits<char>::decode(at, end);
        const bool valid = code != boost::locale::utf::illegal && code != boost::locale::utf::incomplete;
        if (!valid) {
            at = begin + 1;
        }
        const std::string_view bytes(begin, static_cast<std::size_t>(at - begin));
        if (valid && !is_control(code)) {
            keep(bytes);
        } else {
            escape(bytes, valid);
        }
    }
    if (cut) {
        keep(kCut);
    }
}

bool is_bare(std::string_view text) {
    return !text.empty() && text.size() <= kMaxLogText && std::all_of(text.begin(), text.end(), [](char c) {
        return c > ' ' && c < '\x7F' && c != '"' && c != '=' && c != '\\';
    });
}

void append_logfmt_text(std::string& line, std::string_view text) {
    if (is_bare(text)) {
        line += text;
        return;
    }
    line += '"';
    const auto keep = [&line](std::string_view bytes) {
        if (bytes == "\"" || bytes == "\\") {
            line += '\\';
        }
        line += bytes;
    };
    const auto escape = [&line](std::string_view bytes, bool) {
        for (const char byte : bytes) {
            switch (byte) {
                case '\n':
                    line += "\\n";
                    break;
                case '\r':
                    line += "\\r";
                    break;
                case '\t':
                    line += "\\t";
                    break;
                default:
                    fmt::format_to(std::back_inserter(line), "\\x{:02x}", static_cast<unsigned char>(byte));
            }
        }
    };
    for_each_character(text, keep, escape);
    line += '"';
}

/// An empty text says nothing.
bool is_said(const Field& field) {
    const auto* text = std::get_if<std::string_view>(&field.value);
    return text == nullptr || !text->empty();
}

/// JSON escapes the C0 controls itself; the others and broken bytes become the replacement character.
boost::json::string json_text(std::string_view text) {
    boost::json::string clean;
    const auto keep = [&clean](std::string_view bytes) { clean.append(bytes.begin(), bytes.end()); };
    const auto escape = [&clean](std::string_view bytes, bool valid) {
        const bool c0 = valid && bytes.size() == 1 && bytes.front() >= 0 && bytes.front() < ' ';
        const std::string_view shown = c0 ? bytes : kReplacement;
        clean.append(shown.begin(), shown.end());
    };
    for_each_character(text, keep, escape);
    return clean;
}

std::string clean_key(std::string_view key) {
    static constexpr std::array<std::string_view, 4> kReserved{"ts", "level", "logger", "msg"};
    const bool reserved = std::find(kReserved.begin(), kReserved.end(), key) != kReserved.end();
    std::string clean = reserved || key.empty() ? "field_" : "";
    for (const char c : key.substr(0, 64)) {
        const bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                             c == '.' || c == '-';
        clean += allowed ? c : '_';
    }
    return clean;
}

template <typename Each>
void for_each_field(const LogEvent& event, Each&& each) {
    const auto said = std::views::filter(is_said);
    std::ranges::for_each(event.more | said, each);
    std::ranges::for_each(event.fields | said, each);
}

std::string logfmt_line(const LogEvent& event) {
    std::string line = fmt::format("ts={} level={} logger=", rfc3339(event.time), to_string(event.level));
    append_logfmt_text(line, event.source);
    line += " msg=";
    append_logfmt_text(line, event.message);
    for_each_field(event, [&line](const Field& field) {
        line += ' ';
        line += clean_key(field.key);
        line += '=';
        std::visit(
            [&line](const auto& value) {
                if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string_view>) {
                    append_logfmt_text(line, value);
                } else {
                    fmt::format_to(std::back_inserter(line), "{}", value);
                }
            },
            field.value);
    });
    return line;
}

boost::json::value json_value(const Field& field) {
    return std::visit(
        [](const auto& value) -> boost::json::value {
            using Type = std::decay_t<decltype(value)>;
            if constexpr (std::is_same_v<Type, std::string_view>) {
                return json_text(value);
            } else if constexpr (std::is_same_v<Type, double>) {
                // JSON has no infinity and no NaN.
                return std::isfinite(value) ? boost::json::value(value) : boost::json::value(fmt::format("{}", value));
            } else {
                return value;
            }
        },
        field.value);
}

std::string json_line(const LogEvent& event) {
    boost::json::object line;
    line["ts"] = rfc3339(event.time);
    line["level"] = to_string(event.level);
    line["logger"] = json_text(event.source);
    line["msg"] = json_text(event.message);
    for_each_field(event, [&line](const Field& field) { line[clean_key(field.key)] = json_value(field); });
    return boost::json::serialize(line);
}

}  // namespace

std::string format_log_line(LogFormat format, const LogEvent& event) {
    return format == LogFormat::json ? json_line(event) : logfmt_line(event);
}

}  // namespace portal::observe
