// Makes one log line, logfmt or JSON, from the parts of an event. Whatever the parts hold, the result is one line of
// valid UTF-8 without control characters, so that text of a peer can neither forge a line nor steer a terminal. Pure.
#pragma once

#include "observe/log.hpp"

#include <chrono>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace portal::observe {

/// Longer texts are cut, so that a full queue stays small.
inline constexpr std::size_t kMaxLogText = 4096;

struct LogEvent {
    std::chrono::system_clock::time_point time;
    LogLevel level = LogLevel::info;
    std::string_view source;
    std::string_view message;
    std::initializer_list<Field> fields;
    std::span<const Field> more{};  // before `fields`
};

/// One line without its line end. Field keys keep letters, digits, '_', '.' and '-'; a key that the line already uses
/// for ts, level, logger or msg gets the prefix "field_".
[[nodiscard]] std::string format_log_line(LogFormat format, const LogEvent& event);

}  // namespace portal::observe
